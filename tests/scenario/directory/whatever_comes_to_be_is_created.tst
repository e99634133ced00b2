#! testgam extended
# A new entry is Created, be it a file, a directory, a pipe or a link (original.md 4.2).
mkdir t
connect
mondir t
mkfile t/file
mkdir t/directory
mkfifo t/pipe
link nowhere t/link
converged
