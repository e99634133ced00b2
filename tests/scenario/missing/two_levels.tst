#! testgam extended
# As long as a level is missing nothing is told, and Created comes with the last one (original.md 4.5, 8.7; D4).
connect
mondir p/t
mkdir p
mkdir p/t
mkfile p/t/a
converged
