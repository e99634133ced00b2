#! testgam extended
# No name is a pattern or a comment: *, ?, [a], # and ~ are letters.
mkdir t
mkfile t/a
mkdir t/*
connect
mondir t/*
monfile t/?
monfile t/~
mkfile t/*/[a]
mkfile t/*/#a
mkfile t/b
mkfile t/~
