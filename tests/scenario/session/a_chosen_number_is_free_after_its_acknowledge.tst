#! testgam extended
# Once its request is acknowledged, a number may be chosen again, for another path (original.md 1.4).
mkdir t
mkdir u
connect
mondir t 5
cancel 0
mondir u 5
mkfile t/a
mkfile u/b
