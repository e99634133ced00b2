#! testgam extended
# A rename over an entry is Changed for it, Deleted for the other name (original.md 4.2).
server pollonly
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
mv t/a t/b
converged
