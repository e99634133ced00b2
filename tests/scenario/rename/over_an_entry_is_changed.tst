#! testgam extended
# The name that was renamed over was there all along: it is Changed, never Created (original.md 4.2, 8.3). The other name
# is Deleted.
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
mv t/a t/b
append t/b
converged
