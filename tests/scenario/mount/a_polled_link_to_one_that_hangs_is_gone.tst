#! testgam extended
# A path that is polled, and led onto a mount that does not answer, does not wait for it when it leads nowhere any more, though
# nobody asks.
connect
suspend
mkdir d
fault mount d nfs
mondir l
wait 100
fault hang d
link d l
server gaminrc "fsset ext4 poll"
wait 1500
rmfile l
wait 7000
resume
mkdir l
wait 1500
converged
