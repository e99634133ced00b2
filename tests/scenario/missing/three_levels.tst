#! testgam extended
# Any number of levels may be missing (BEHAVIOUR 0.7, 4.5; the original: D4).
connect
mondir p/q/t
mkdir p
mkdir p/q
mkdir p/q/t
mkfile p/q/t/a
converged
