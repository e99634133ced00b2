#! testgam extended
# A directory is needed for less, since a client has gone, and another has its path when the kernel is asked for that: who still
# needs it is told where its own path leads now.
client a
connect
mkdir d
mkdir e
mondir d
client b
connect
mondir d/s
mkdir d/s
suspend
fault between 0
exchange e d
end
client a
disconnect
wait 100
client b
resume
converged
mkdir d/s
converged
