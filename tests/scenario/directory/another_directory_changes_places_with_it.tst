#! testgam extended
# Of two directories that are swapped in one step each takes the other's path: Deleted, then Created with the other's
# entries. Both are monitored on. The server sleeps meanwhile, so that it hears of both at once.
mkdir t
mkfile t/a
mkdir u
mkfile u/b
connect
mondir t
mondir u
server stop
exchange t u
server continue
mkfile t/c
mkfile u/d
converged
