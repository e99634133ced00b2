#! testgam extended
# testgam --world fsnotify tests/peers/fsnotify/missing.tst
# History 0 of the seed 1: missing:
# e/file is there, and was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
mktree e 0
heal
resume
converged
