#! testgam extended
# testgam --world entr tests/peers/entr/slow-reader.tst
connect
mkdir d
moncollection . 99 *
suspend
fault room 100
mkfiles d 20000
mkdir late
mkfile late/file
mkfile last
fault room all
resume
converged
mkdir after
write after/file x
append last x
converged
