#! testgam extended
# Two entries that change places are both Changed.
server pollonly
mkdir t
write t/a one
write t/b two
connect
mondir t
exchange t/a t/b
converged
