#! testgam extended
# A directory is renamed like a file; its entries go with it without a word (original.md 4.2).
mkdir t
mktree t/s 1
connect
mondir t
mv t/s t/r
mkfile t/r/more
chmod t/r 700
converged
