#! testgam extended
# A file whose directory is missing is Created when both are there (BEHAVIOUR 4.5; the original: D4).
connect
monfile p/a
mkdir p
mkfile p/b
mkfile p/a
append p/a
converged
