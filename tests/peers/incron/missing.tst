#! testgam extended
# testgam --world incron tests/peers/incron/missing.tst
# History 1 of the seed 13: missing:
# a is there, and was not told
# Played 3 times, it showed that 3 times.
connect
mondir .
suspend
try mkdir d/s
try mkfile b
try copytree d c
try save d/s/a xx
try save a xx
heal
resume
converged
