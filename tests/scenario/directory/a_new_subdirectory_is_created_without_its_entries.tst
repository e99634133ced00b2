#! testgam extended
# Created of a subdirectory is not followed by what is in it (original.md 4.2).
mkdir t
connect
mondir t
mktree t/s 1
rmtree t/s
