#! testgam extended
# A directory is first listed: itself, its entries, then EndExist.
connect
mkdir temp
mkfile temp/a
mkfile temp/b
mkdir temp/c
mkfile temp/c/below
mondir temp
expect 5
expect none
