#! testgam extended
# The name that was renamed over was there all along: it is Changed, never Created (BEHAVIOUR 0.3, 4.2). The other name
# is Deleted.
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
mv t/a t/b
append t/b
converged
