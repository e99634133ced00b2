#! testgam extended
# To the directory above it is an entry that was renamed; to its own request it is Deleted, as the path leads there no more.
mkdir t
mktree t/s 0
connect
mondir t
mondir t/s
mv t/s t/r
mkfile t/r/a
mv t/r t/s
mkfile t/s/b
converged
