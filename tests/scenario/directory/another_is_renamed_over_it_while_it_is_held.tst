#! testgam extended
# As long as a removed file in it is held open, a directory that another is renamed over tells only that its attributes
# have changed.
mkdir d
mkdir e
mkfile d/a
connect
mondir d
open d/a
rmfile d/a
move e d
mkfile d/b
converged
close d/a
mkfile d/c
converged
