#! testgam extended
# testgam --world fsnotify tests/peers/fsnotify/missing.tst
# History 12 of the seed 13: missing:
# c/s is there, and was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try replace e/a xx
try mkdir d
try mkdir d/s
try copytree d c
heal
resume
converged
