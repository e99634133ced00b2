#! testgam extended
# Whatever a program hands over with a request comes back with each event of it, Acknowledge included, and
# with no event of another (original.md 1.4).
mkdir t
connect
mondir t data="the\tdirectory"
monfile f data=
mondir t
mkfile t/a
mkfile f
cancel 0
cancel 1
