#! testgam extended
# What comes and goes on the way to a missing path is not told, and does not lead astray (BEHAVIOUR 0.7).
connect
mondir p/q/t
mkdir p
mkdir p/q
rmdir p/q
rmdir p
mkdir p
mkdir p/q
mv p/q p/r
mkdir p/r/t
mv p/r p/q
mkfile p/q/t/a
converged
