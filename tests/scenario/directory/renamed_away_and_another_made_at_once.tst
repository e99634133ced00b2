#! testgam extended
# The path leads to another directory: Deleted, then Created with what that one holds. The old one is heard of no more
# (original.md 8.3).
# The server sleeps meanwhile, so that it sees nothing in between.
mkdir t
mkfile t/a
connect
mondir t
server stop
mv t old
mkdir t
mkfile t/b
server continue
append old/a
mkfile old/c
mkfile t/d
converged
