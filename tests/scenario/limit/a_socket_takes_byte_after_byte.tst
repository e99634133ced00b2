#! testgam extended
# A client whose socket takes seven bytes at a time is told everything, in order.
mkdir d
connect
fault capacity 7
mondir d
write d/a text
rmfile d/a
fails rmfile d/a
try rmdir d/a
heal
converged
