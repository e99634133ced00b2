#! testgam extended
# A path that led onto a mount that does not answer when it was asked for, so that its way is not known, is told what it leads to when
# that is something else, though nobody asks.
connect
suspend
mkdir d
link d l
fault mount d nfs
fault hang d
monfile l
mondir l
events
save l ""
wait 7000
resume
converged
