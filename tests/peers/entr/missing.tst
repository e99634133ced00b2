#! testgam extended
# testgam --world entr tests/peers/entr/missing.tst
# History 2 of the seed 13: missing:
# a is there, and was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try mkdir d/s
try mv d e
try copytree d c
try copytree d c
heal
resume
converged
suspend
try write d/a xxx
try copytree d c
try write a xx
try rmfile e/a
try rmtree c
heal
resume
converged
