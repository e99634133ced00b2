#! testgam extended
# One EndExist ends each listing, empty or not, of a directory, a file, a missing path and a link
# (original.md 4.1).
mkdir t
mkdir t/empty
mkfile t/f
link f t/l
link nothing t/dangling
connect
mondir t
mondir t/empty
mondir t/f
mondir t/missing
mondir t/dangling
monfile t
monfile t/f
monfile t/missing
monfile t/l
