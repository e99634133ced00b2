#! testgam extended
# A file is gone with the directory it lies in, and back as soon as it is there again (original.md 4.4; D4).
mkdir p
mkfile p/a
connect
monfile p/a
rmtree p
mkdir p
mkfile p/a
append p/a
converged
