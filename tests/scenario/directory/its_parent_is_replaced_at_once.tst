#! testgam extended
# If the way to a path suddenly leads elsewhere, the path is another directory: Deleted, then Created with what that one
# holds. The old one is heard of no more. The server sleeps meanwhile, so that it sees nothing in between.
mkdir p
mkdir p/t
mkfile p/t/a
connect
mondir p/t
server stop
mv p q
mkdir p
mkdir p/t
mkfile p/t/b
server continue
append q/t/a
mkfile p/t/c
converged
