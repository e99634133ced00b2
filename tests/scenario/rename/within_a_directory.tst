#! testgam extended
# One name goes, the other comes (original.md 4.2), in the kernel's order. The renamed file is monitored under its new name.
mkdir t
mkfile t/a
connect
mondir t
mv t/a t/b
append t/b
mv t/b t/a
converged
