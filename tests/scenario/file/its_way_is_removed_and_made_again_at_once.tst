#! testgam extended
# However fast the way to a file is removed and made again, the file is Deleted once and Created once.
mkdir p
mkdir p/q
mkfile p/q/a
connect
monfile p/q/a
server stop
rmtree p
mkdir p
mkdir p/q
mkfile p/q/a
server continue
append p/q/a
converged
