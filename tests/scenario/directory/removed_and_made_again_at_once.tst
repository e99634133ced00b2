#! testgam extended
# However fast a directory is back, it is another one: Deleted, then Created with its entries
# (original.md 4.3, 8.3; D48).
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
