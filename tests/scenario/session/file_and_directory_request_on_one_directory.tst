#! testgam extended
# A file request on a directory says that its entries changed, a directory request says which did
# (original.md 8.5; D5).
mkdir t
connect
mondir t
monfile t
mkfile t/a
append t/a
chmod t 700
rmfile t/a
