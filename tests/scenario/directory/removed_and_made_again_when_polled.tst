#! testgam extended
# Polling tells removal and return as the kernel way does, if it looks in between (BEHAVIOUR 0.3, 4.3).
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
