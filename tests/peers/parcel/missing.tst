#! testgam extended
# testgam --world parcel tests/peers/parcel/missing.tst
# History 12 of the seed 13: missing:
# c/s is there, and was not told (and 2 more)
# Played 3 times, it showed that 1 times.
connect
moncollection . 9 *
suspend
try save d/s/a x
try mkfile d/a
try replace e/a xx
try mkdir d
try mkfile e/a
try append d/s/a x
try mkdir d/s
try copytree d c
try write b xx
try mkfile d/s/a
heal
resume
converged
