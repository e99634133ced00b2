#! testgam extended
# testgam --world fswatch tests/peers/fswatch/missing.tst
# History 11 of the seed 13: missing:
# d/s is there, and was not told (and 1 more)
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try mkdir d
try mv d/s/a a
try mktree d/s 0
try mkfile a
try mkdir d/s
heal
resume
converged
