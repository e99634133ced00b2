#! testgam extended
# Only names that match the mask are told, directories' too; what is in directories whose names do not match is told all the same.
# The mask takes a leading dot.
mktree t 1
mkfile t/a.c
mkfile t/directory/b.c
mkfile t/directory/.c
connect
moncollection t 2 *.c
append t/a.c
append t/file
mkfile t/directory/d.c
mkfile t/directory/d.h
mkdir t/e.c
move t/directory/d.h t/directory/d2.c
converged
