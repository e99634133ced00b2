#! testgam extended
# What is written to an entry is no change of the directory, nor is what happens in its subdirectories (original.md 8.5).
mkdir d
mkfile d/a
mkdir d/s
connect
monfile d
append d/a
chmod d/a 600
mkfile d/s/b
converged
