#! testgam extended
# testgam --world watchfiles tests/peers/watchfiles/overflow.tst
connect
mkdir d
moncollection . 99 *
suspend
server stop
mkfiles d 20000
mkdir late
mkfile late/file
mkfile last
server continue
resume
converged
mkdir after
write after/file x
append last x
converged
