#! testgam extended
# While a listing takes long, an entry goes and another comes in its place. The listing may show any moment of that, and the
# notices show all of it: the entry is told by the notices alone, and so once.
connect
mkdir e
link d l
mondir .
suspend
fault slow-scan 50 late
fault mount e
wait 1
rmfile l
wait 1
write l xx
wait 1000
resume
converged
