#! testgam extended
# A pipe is no directory either, and nobody opens it (BEHAVIOUR 0.4).
mkfifo t
connect
mondir t
chmod t 600
rmfile t
mktree t 0
