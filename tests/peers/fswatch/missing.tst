#! testgam extended
# testgam --world fswatch tests/peers/fswatch/missing.tst
# History 0 of the seed 1: missing:
# e/file is there, and was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try write d/a x
try append e/a xx
try append b x
try append e/a xx
try mktree e 0
heal
resume
converged
