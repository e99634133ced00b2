#! testgam extended
# A file request on a link to a directory: Changed when entries of the target come and go (original.md 8.5).
mkdir t
link t l
connect
monfile l
mkfile t/a
rmfile t/a
chmod t 700
rmfile l
