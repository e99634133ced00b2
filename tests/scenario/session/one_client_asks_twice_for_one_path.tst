#! testgam extended
# A client may ask twice for the same path, even while the first request is old: each has its own listing, and
# each change comes to both (original.md 4.6).
mkdir t
connect
mondir t
mkfile t/a
mondir t
mkfile t/b
rmfile t/a
