#! testgam extended
# Any number of levels may be missing (original.md 4.5, 8.7; D4).
connect
mondir p/q/t
mkdir p
mkdir p/q
mkdir p/q/t
mkfile p/q/t/a
converged
