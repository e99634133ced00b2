#! testgam extended
# Attributes show when the entry is looked at; those of the directory itself are not told (original.md 4.2, 4.3).
server pollonly
mkdir t
mkfile t/a
connect
mondir t
chmod t/a 600
chmod t 700
touch t/a 1000000000
converged
