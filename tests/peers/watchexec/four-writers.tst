#! testgam extended
# testgam --world watchexec tests/peers/watchexec/four-writers.tst
connect
mkdir d
moncollection . 99 *
suspend
concurrently
writer
mkfiles d 40
save shared a
mkfile a
mv a a2
rmfiles d 40
append a2 x
writer
mkfiles d 40
save shared b
mkfile b
mv b b2
rmfiles d 40
append b2 x
writer
mkfiles d 40
save shared e
mkfile e
mv e e2
rmfiles d 40
append e2 x
writer
mkfiles d 40
save shared f
mkfile f
mv f f2
rmfiles d 40
append f2 x
end
resume
converged
