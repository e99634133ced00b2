#! testgam extended
# testgam --world entr tests/peers/entr/late.tst
# History 4 of the seed 13: late:
# a, b, d/s was told 1632 ms after it had happened
# Played 3 times, it showed that 3 times.
connect
moncollection . 9 *
suspend
heal
resume
converged
suspend
try mkdir d
heal
resume
converged
suspend
try mkdir d
try append a xx
try mkdir e
try mv e d/s
try save e/a xxx
try mktree d/s 1
try mkfile b
heal
resume
converged
