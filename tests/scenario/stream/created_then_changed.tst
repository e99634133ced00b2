#! testgam extended
# A file that is made and later written is Created, then Changed (original.md 8.8).
mkdir t
connect
mondir t
mkfile t/a
append t/a
monfile f
mkfile f
append f
