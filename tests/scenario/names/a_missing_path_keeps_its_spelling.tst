#! testgam extended
# Spelled oddly and missing: Created bears the spelling that was asked for, too (BEHAVIOUR 0.2, 0.7).
connect
mondir t//u/
monfile t/.//f
mkdir t
mkdir t/u
mkfile t/u/a
mkfile t/f
