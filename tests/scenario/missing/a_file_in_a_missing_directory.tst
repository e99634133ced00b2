#! testgam extended
# A file whose directory is missing is Created when both are there (original.md 4.5; D4).
connect
monfile p/a
mkdir p
mkfile p/b
mkfile p/a
append p/a
converged
