#! testgam extended
# A path is gone when a directory on the way to it is renamed, and back when that one is (original.md 4.3).
mkdir p
mktree p/t 0
connect
mondir p/t
mv p q
mkfile q/t/a
mv q p
mkfile p/t/b
converged
