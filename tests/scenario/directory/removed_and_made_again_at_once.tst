#! testgam extended
# However fast a directory is back, it is another one: Deleted, then Created with its entries (BEHAVIOUR 0.3, 4.3;
# the original: D48).
# The server sleeps meanwhile, so that it sees nothing in between.
mkdir t
mkfile t/a
connect
mondir t
server stop
rmtree t
mkdir t
mkfile t/b
server continue
mkfile t/c
converged
