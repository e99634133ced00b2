#! testgam extended
# A path that led onto a mount that does not answer, and leads nowhere by the time that this shows, does not wait for it, though
# nobody asks.
connect
suspend
mkdir d
fault mount d nfs
mondir l
wait 100
fault hang d
link d l
wait 100
rmfile l
wait 7000
resume
mkdir l
converged
