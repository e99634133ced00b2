#! testgam extended
# testgam --world incron tests/peers/incron/missing.tst
# History 1 of the seed 1: missing:
# b is there, and was not told (and 1 more)
# Played 3 times, it showed that 3 times.
connect
mondir .
suspend
try mkdir e
try rmtree c
try save b x
try mkdir d
try replace b x
heal
resume
converged
