#! testgam extended
# A file is gone when the directory it lies in is renamed, and back when that one is (original.md 4.4; D4).
mkdir p
mkfile p/a
connect
monfile p/a
mv p q
append q/a
mv q p
append p/a
converged
