#! testgam extended
# Monitoring survives any number of cycles (original.md 8.3).
mkdir t
connect
mondir t
rmdir t
mktree t 0
rmtree t
mktree t 0
rmtree t
mktree t 0
append t/file
converged
