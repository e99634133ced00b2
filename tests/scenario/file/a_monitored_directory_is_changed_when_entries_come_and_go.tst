#! testgam extended
# A file request on a directory is Changed when entries come, go or are renamed (original.md 4.4, 8.5; D5).
mkdir d
connect
monfile d
mkfile d/a
mv d/a d/b
rmfile d/b
mkdir d/s
rmdir d/s
converged
