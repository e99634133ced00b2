#! testgam extended
# A directory can be renamed over an empty one, which makes that name Changed as with files.
mkdir t
mkdir t/a
mkfile t/a/entry
mkdir t/b
connect
mondir t
mv t/a t/b
converged
