#! testgam extended
# A directory whose permissions change just before it goes is Deleted once and Created once like any other.
mkdir t
mkfile t/a
connect
mondir t
server stop
chmod t 700
rmtree t
mkdir t
mkfile t/b
server continue
mkfile t/c
converged
