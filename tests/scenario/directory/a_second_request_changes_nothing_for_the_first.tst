#! testgam extended
# Each request on a directory has its own listing and its own events (original.md 4.6). The listing that answers the
# second one is no news to the first.
mkdir t
write t/a text
mkdir t/s
connect
mondir t
append t/a
mkfile t/s/b
mondir t
mkfile t/c
converged
