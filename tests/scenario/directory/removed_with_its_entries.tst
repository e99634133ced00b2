#! testgam extended
# A directory that goes is Deleted, spelled as asked (original.md 4.3, 8.3; D33). Its entries went
# before it.
mkdir t
mkfile t/a
connect
mondir t
rmtree t
converged
