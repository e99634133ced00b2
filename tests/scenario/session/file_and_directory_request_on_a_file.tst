#! testgam extended
# A directory request on a file is answered as on a missing directory; a file request beside it is not
# disturbed (original.md 8.4; D52).
mkfile f
connect
mondir f
monfile f
append f
rmfile f
mkdir f
mkfile f/a
