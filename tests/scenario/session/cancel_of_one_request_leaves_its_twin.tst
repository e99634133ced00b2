#! testgam extended
# Two requests on one path are independent: when one is cancelled the other goes on (original.md 4.6).
mkdir t
connect
mondir t
mondir t
mkfile t/a
cancel 0
mkfile t/b
cancel 1
mkfile t/c
