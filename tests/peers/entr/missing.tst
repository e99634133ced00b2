#! testgam extended
# testgam --world entr tests/peers/entr/missing.tst
# History 4 of the seed 1: missing:
# b is there, and was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try mkfile a
try mv a a
try write e/a xx
heal
resume
converged
suspend
try save a xxx
try append d/a xxx
try append d/s/a x
try write b x
try mv b b
try rmfile a
heal
resume
converged
