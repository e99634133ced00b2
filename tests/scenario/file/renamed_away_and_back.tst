#! testgam extended
# A file request is about the path: Deleted when its file is renamed away, Created when one is renamed there
# (original.md 4.4).
mkfile a
connect
monfile a
mv a b
append b
mv b a
append a
converged
