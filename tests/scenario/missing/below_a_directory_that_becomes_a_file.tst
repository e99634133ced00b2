#! testgam extended
# A file is awaited in a directory, which a file replaces: that one is not the awaited.
mkdir d
connect
monfile d/a
rmtree d
replace d ""
rmfile d
mkdir d
mkfile d/a
converged
