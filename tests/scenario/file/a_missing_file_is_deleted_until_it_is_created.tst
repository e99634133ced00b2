#! testgam extended
# The answer is Deleted and EndExist; when the file comes it is Created (original.md 4.1, 4.4).
connect
monfile a
mkfile a
append a
converged
