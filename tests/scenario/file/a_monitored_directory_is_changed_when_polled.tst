#! testgam extended
# A file request on a directory is Changed when entries come, go or are renamed, not with their content
# (original.md 4.4, 8.5).
server pollonly
mkdir d
connect
monfile d
mkfile d/a
append d/a
mv d/a d/b
rmfile d/b
chmod d 700
converged
