#! testgam extended
# testgam --world inotifywait tests/peers/inotifywait/missing.tst
# History 0 of the seed 1: missing:
# e/file is there, and was not told
# Played 3 times, it showed that 2 times.
connect
moncollection . 9 *
suspend
mktree e 0
heal
resume
converged
