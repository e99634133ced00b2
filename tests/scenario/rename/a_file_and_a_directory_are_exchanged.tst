#! testgam extended
# It makes no difference what changes places.
mkdir t
write t/a one
mktree t/b 0
connect
mondir t
exchange t/a t/b
append t/b
mkfile t/a/inside
converged
