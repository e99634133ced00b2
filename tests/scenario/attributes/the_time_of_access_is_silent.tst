#! testgam extended
# The time of access is no change, be it of an entry or of the directory itself (original.md 8.8).
mkdir t
mkfile t/a
connect
mondir t
monfile t/a
touch-access t/a
touch-access t
