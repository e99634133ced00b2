#! testgam extended
# A and a are two names.
mkdir t
connect
mondir t
monfile a
mkfile t/A
mkfile t/a
mkfile A
mkfile a
