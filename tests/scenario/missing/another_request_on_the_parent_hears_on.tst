#! testgam extended
# A missing path that appears takes nothing from those who monitor the directory it appears in
# (original.md 4.5; D1).
mkdir p
connect
mondir p
mondir p/t
mkfile p/a
mkdir p/t
mkfile p/b
rmdir p/t
mkfile p/c
converged
