#! testgam extended
# Both kinds of request may wait for one path. A file is Created only for the one, a directory for both.
connect
mondir t
monfile t
mkfile t
rmfile t
mkdir t
mkfile t/a
converged
