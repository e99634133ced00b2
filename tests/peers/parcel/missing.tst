#! testgam extended
# testgam --world parcel tests/peers/parcel/missing.tst
# History 1 of the seed 1: missing:
# d/s is there, and was not told
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
try mkdir e
try rmtree c
try save b x
try mkdir d
try replace b x
try mkfile d/s
try rmdir d/s
try mkfile a
try append b xx
try rmtree d/s
heal
resume
converged
