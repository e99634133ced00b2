#! testgam extended
# After a reconnection numbers go on where they were: none is given twice (D9).
mkdir t
mkdir u
connect
mondir t
monfile f
server restart
mondir u
mkfile t/x
mkfile f
mkfile u/y
