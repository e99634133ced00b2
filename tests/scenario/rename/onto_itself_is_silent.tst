#! testgam extended
# To rename a file to its own name, or to another name of the same file, does nothing at all (rename(2)).
mkdir t
mkfile t/a
hardlink t/a t/b
connect
mondir t
mv t/a t/a
mv t/a t/b
converged
