#! testgam extended
# Polling tells removal and return as the kernel way does, if it looks in between (original.md 4.3, 8.3).
server pollonly
mkdir t
connect
mondir t
rmdir t
mktree t 0
mkfile t/a
rmtree t
mkdir t
converged
