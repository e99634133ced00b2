#! testgam extended
# A directory that comes back is Created, then each of its entries, and it is monitored as before
# (original.md 8.3; D48).
mkdir t
mkfile t/a
connect
mondir t
rmtree t
together
mkdir t
mkfile t/b
mkfile t/c
end
mkfile t/d
rmfile t/b
converged
