#! testgam extended
# A file is gone when the directory it lies in is renamed, and back when that one is (original.md 4.4).
server pollonly
mkdir p
mkfile p/a
connect
monfile p/a
mv p q
mv q p
converged
