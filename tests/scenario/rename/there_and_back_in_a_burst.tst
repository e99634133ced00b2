#! testgam extended
# What the kernel has noticed is told in the kernel's order (original.md 8.1, 8.9), however many notices are read together.
mkdir t
mkfile t/a
connect
mondir t
server stop
mv t/a t/b
mv t/b t/a
server continue
converged
