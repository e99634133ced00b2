#! testgam extended
# When the target goes the monitored link leads nowhere: Deleted; a new target is Created (original.md 4.3).
mkdir t
mkfile t/a
link t l
connect
mondir l
rmtree t
mkdir t
mkfile t/b
