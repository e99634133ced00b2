#! testgam extended
# A scan that fails half-way says nothing about what is there: it is repeated, and what it would have found is told then.
mkdir d
mkfile d/a
connect
fault failing-scan failed
mondir d
write d/b text
wait 1500
converged
quiet
disconnect
given-back
