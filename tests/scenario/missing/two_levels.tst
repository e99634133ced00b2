#! testgam extended
# As long as a level is missing nothing is told, and Created comes with the last one (BEHAVIOUR 0.7, 4.5; the original: D4).
connect
mondir p/t
mkdir p
mkdir p/t
mkfile p/t/a
converged
