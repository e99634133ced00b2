#! testgam extended
# A listing is of one directory; what its subdirectories hold is none of its entries (original.md 4.2).
mktree t 2
connect
mondir t
