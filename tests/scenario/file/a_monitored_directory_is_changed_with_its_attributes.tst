#! testgam extended
# A file request on a directory is Changed on the directory's own attributes (BEHAVIOUR 0.5, 4.4).
mkdir d
connect
monfile d
chmod d 700
touch d 1000000000
converged
