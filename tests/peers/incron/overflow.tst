#! testgam extended
# testgam --world incron tests/peers/incron/overflow.tst
connect
mkdir d
mondir .
suspend
server stop
mkfiles . 20000
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
