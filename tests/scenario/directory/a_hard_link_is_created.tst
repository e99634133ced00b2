#! testgam extended
# One more name of a file is one more entry (original.md 4.2). The kernel says nothing about the name that was there,
# and so neither do we.
mkdir t
mkfile t/a
connect
mondir t
hardlink t/a t/b
rmfile t/a
converged
