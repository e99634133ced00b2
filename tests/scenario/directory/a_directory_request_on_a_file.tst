#! testgam extended
# There is no directory, so the answer is Deleted and EndExist; when one takes the file's place it is Created with
# its entries (original.md 4.1, 8.4; D52).
mkfile t
connect
mondir t
append t
rmfile t
mktree t 0
converged
