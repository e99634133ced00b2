#! testgam extended
# Fifty levels are missing; when all are there the directory is Created, once, and its entry (original.md 8.7; D4).
connect
mondir t/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory/directory
mktree t 50
rmtree t
mkdir t
