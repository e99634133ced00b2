#! testgam extended
# testgam --world notify tests/peers/notify/missing.tst
# History 11 of the seed 13: missing:
# d/s is there, and was not told (and 1 more)
# Played 3 times, it showed that 2 times.
connect
moncollection . 9 *
suspend
try mkdir d
try mktree d/s 0
heal
resume
converged
