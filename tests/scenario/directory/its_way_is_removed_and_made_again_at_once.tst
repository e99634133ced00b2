#! testgam extended
# However fast the way to a path is removed and made again, the path is Deleted once and Created once, with its entries
# (original.md 8.3). The server sleeps meanwhile, so that it sees nothing in between.
mkdir p
mkdir p/t
mkfile p/t/a
connect
mondir p/t
server stop
rmtree p
mkdir p
mkdir p/t
mkfile p/t/a
mkfile p/t/b
server continue
mkfile p/t/c
converged
