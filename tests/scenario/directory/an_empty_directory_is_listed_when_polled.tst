#! testgam extended
# Polling answers as the kernel way does (BEHAVIOUR 4.1).
server pollonly
mkdir t
mkfile t/a
mkdir t/s
connect
mondir t
mondir missing
