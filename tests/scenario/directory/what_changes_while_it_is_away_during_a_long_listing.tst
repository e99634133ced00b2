#! testgam extended
# The first entries of a directory that takes long to read have been told when it is renamed away and back. Until it is watched again, what
# happens in it is not noticed: what can't be known to be as it was told is told as changed.
mkdir d
mkfile d/a
mkfile d/b
mkfile d/x
connect
fault slow-scan 1000 late
together
mondir d
wait 1
move d e
wait 1
move e d
wait 1
write d/b new
wait 3000
end
converged
