#! testgam extended
# What is renamed out of the directory is Deleted, and nothing is told of it after that (original.md 4.2).
mkdir t
mkfile t/a
mktree t/s 1
connect
mondir t
mv t/a a
mv t/s s
append a
converged
