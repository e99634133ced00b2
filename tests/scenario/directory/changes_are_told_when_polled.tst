#! testgam extended
# A change of content or attributes shows when the entry is looked at (original.md 4.2).
server pollonly
mkdir t
mkfile t/a
mkdir t/s
connect
mondir t
append t/a
chmod t/a 600
chmod t/s 700
rewrite t/a b
save t/a other
converged
