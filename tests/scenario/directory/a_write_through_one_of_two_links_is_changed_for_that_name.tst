#! testgam extended
# The kernel notices a write under the name through which the file was opened (original.md 4.2).
mkdir t
mkfile t/a
hardlink t/a t/b
connect
mondir t
append t/b
append t/a
