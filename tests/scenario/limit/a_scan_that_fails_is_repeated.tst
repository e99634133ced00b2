#! testgam extended
# A scan that fails half-way says nothing about what is there. The first of a look is made once more in any case, when the kernel has
# been asked; when that one fails too, the listing is empty, and what is there is told as it is found.
mkdir d
mkfile d/a
connect
fault failing-scan failed
fault failing-scan failed
mondir d
write d/b text
wait 1500
converged
quiet
disconnect
given-back
