#! testgam extended
# The other kernel says what was renamed to where, besides what went and what came.
server fanotify
mkdir t
mkdir u
write t/a one
write t/b two
mkdir t/d
connect
moves
mondir t
mondir u
move t/a t/c
move t/c u/c
move u/c t/b
move t/d u/d
converged
