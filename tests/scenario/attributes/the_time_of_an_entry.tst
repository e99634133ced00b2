#! testgam extended
# An entry whose time of modification is set is Changed, whether to now or to the past (original.md 4.2).
mkdir t
mkfile t/a
connect
mondir t
touch t/a
touch t/a 1000000000
converged
