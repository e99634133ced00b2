#! testgam extended
# Polling tells of a file what the kernel way does, if it looks in between (original.md 4.4).
server pollonly
mkfile a
connect
monfile a
append a
chmod a 600
rmfile a
mkfile a
mv a b
mv b a
converged
