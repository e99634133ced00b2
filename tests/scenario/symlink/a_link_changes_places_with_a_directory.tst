#! testgam extended
# The link to its own directory and a directory in there change places: what was told of the one is not told of the other.
mkdir d
mkdir d/s
mkfile d/s/below
link . d/l
connect
mondir d/l
exchange d/s d/l
converged
mkfile d/l/a
converged
