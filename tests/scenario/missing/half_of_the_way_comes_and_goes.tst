#! testgam extended
# What comes and goes on the way to a missing path is not told, and does not lead astray (original.md 8.7).
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
