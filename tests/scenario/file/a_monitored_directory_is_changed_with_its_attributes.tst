#! testgam extended
# A file request on a directory is Changed on the directory's own attributes (original.md 4.4, 8.5).
mkdir d
connect
monfile d
chmod d 700
touch d 1000000000
converged
