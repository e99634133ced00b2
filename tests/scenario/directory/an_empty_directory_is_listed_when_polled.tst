#! testgam extended
# Polling answers as the kernel way does (original.md 4.1).
server pollonly
mkdir t
mkfile t/a
mkdir t/s
connect
mondir t
mondir missing
