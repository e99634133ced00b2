#! testgam extended
# testgam --world watchexec tests/peers/watchexec/missing.tst
# History 18 of the seed 13: missing:
# d/a is there, and was not told
# Played 3 times, it showed that 2 times.
connect
moncollection . 9 *
suspend
try mkdir e
heal
resume
converged
suspend
try append e/a xx
try mkdir d
try mv a d/s/a
try append d/s/a x
try replace d/a x
try rmdir d
try rmfile a
try mkfile e/a
heal
resume
converged
