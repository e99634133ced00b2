#! testgam extended
# testgam --world watchfiles tests/peers/watchfiles/missing.tst
# History 5 of the seed 1: missing:
# e/a is there, and was not told
# Played 3 times, it showed that 1 times.
connect
moncollection . 9 *
suspend
heal
resume
converged
suspend
try rmtree c
try rmfile b
try mkdir e
try append d/a xxx
try mkfile e/a
try append a xxx
try rmtree c
try copytree d c
try mv e a
heal
resume
converged
