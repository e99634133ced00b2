#! testgam extended
# A directory request on a link lists the target's entries and tells of them; the root is spelled as asked
# (original.md 4.1).
mkdir t
mkfile t/a
link t l
connect
mondir l
mkfile t/b
append t/a
rmfile l/a
