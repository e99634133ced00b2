#! testgam extended
# A directory that goes is Deleted, spelled as asked (BEHAVIOUR 0.3, 4.3; the original: D33). Its entries went
# before it.
mkdir t
mkfile t/a
connect
mondir t
rmtree t
converged
