#! testgam extended
# Not even polling is recursive, though the times of the subdirectory show that something came or went (original.md 4.2, 8.1).
server pollonly
mkdir t
mkdir t/s
connect
mondir t
mkfile t/s/a
rmfile t/s/a
converged
