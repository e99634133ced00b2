#! testgam extended
# A directory can be renamed over an empty one. The old one is Deleted, the new one Created with its entries.
mkdir t
mkdir u
mkfile u/a
connect
mondir t
mv u t
mkfile t/b
converged
