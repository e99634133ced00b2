#! testgam extended
# testgam --world incron tests/peers/incron/died.tst
# History 4 of the seed 13: died:
# it ended by itself: signal: 11 (SIGSEGV); its last line was `IN_CREATE,IN_ISDIR e`
# Played 3 times, it showed that 3 times.
connect
mondir .
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
