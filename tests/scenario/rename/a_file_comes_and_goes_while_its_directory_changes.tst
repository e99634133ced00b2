#! testgam extended
# What happens to a name is told by the notices of it, in their order, though a look that was begun for another reason has seen
# a later state of it than the first of them.
connect
mkdir d
mkfile d/l
mondir d
monfile d/a
suspend
fault between 1
mv d/a d/s
end
together
chmod d 700
mv d/l d/a
end
wait 100
resume
converged
