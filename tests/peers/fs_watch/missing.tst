#! testgam extended
# testgam --world fs_watch tests/peers/fs_watch/missing.tst
# History 26 of the seed 1: missing:
# b was written to, and that was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try mkfile b
heal
resume
converged
suspend
try replace b xx
try mkfile d/a
heal
resume
converged
suspend
heal
resume
converged
suspend
try append d/s/a xx
try save b x
heal
resume
converged
