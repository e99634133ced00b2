#! testgam extended
# If the way to a path suddenly leads elsewhere, the path is another directory: Deleted, then Created with what the other
# one holds.
mkdir p
mkdir p/t
mkfile p/t/a
mkdir q
mkdir q/t
mkfile q/t/b
connect
mondir p/t
server stop
exchange p q
server continue
mkfile p/t/c
mkfile q/t/d
converged
