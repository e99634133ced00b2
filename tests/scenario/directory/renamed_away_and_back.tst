#! testgam extended
# A directory that is renamed away is Deleted, and what happens to it elsewhere is not told. When it is back it is
# Created, with the entries it has by then, and monitored as before (original.md 8.3; D3).
mkdir t
mkfile t/a
connect
mondir t
mv t elsewhere
mkfile elsewhere/b
mv elsewhere t
mkfile t/c
rmfile t/a
converged
