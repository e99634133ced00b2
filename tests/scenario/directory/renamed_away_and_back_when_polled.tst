#! testgam extended
# A directory that is away is Deleted, and Created with its entries when it is back (original.md 4.3).
server pollonly
mkdir t
mkfile t/a
connect
mondir t
mv t elsewhere
mv elsewhere t
converged
