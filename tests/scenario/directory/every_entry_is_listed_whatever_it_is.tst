#! testgam extended
# The listing holds every entry but `.` and `..`: dotfiles, subdirectories, pipes, and links that lead nowhere
# (original.md 4.1).
mkdir t
mkfile t/file
mkfile t/.hidden
mkdir t/subdirectory
mkfifo t/pipe
link nowhere t/dangling
connect
mondir t
converged
