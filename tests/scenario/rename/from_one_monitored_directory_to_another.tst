#! testgam extended
# The one has it Deleted, the other Created; both in the kernel's order.
mkdir t
mkdir u
mkfile t/a
mkfile u/b
connect
mondir t
mondir u
mv t/a u/a
mv u/a t/b
mv t/b u/b
converged
