#! testgam extended
# Spelled oddly and missing: Created bears the spelling that was asked for, too (original.md 8.2, 8.7).
connect
mondir t//u/
monfile t/.//f
mkdir t
mkdir t/u
mkfile t/u/a
mkfile t/f
