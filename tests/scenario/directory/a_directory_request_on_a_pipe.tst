#! testgam extended
# A pipe is no directory either, and nobody opens it (original.md 8.4).
mkfifo t
connect
mondir t
chmod t 600
rmfile t
mktree t 0
