#! testgam extended
# What the kernel has noticed is told, every step of it (original.md 8.1), however many notices are read together. The server
# sleeps meanwhile, so that it reads them all at once.
mkdir t
connect
mondir t
server stop
mkfile t/a
rmfile t/a
mkfile t/a
rmfile t/a
mkdir t/a
server continue
converged
