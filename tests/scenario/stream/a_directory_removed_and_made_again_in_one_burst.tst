#! testgam extended
# A monitored directory that is removed and made again at once: Deleted, Created, then its entries
# (original.md 8.3; D48).
mkdir t
mkfile t/a
connect
mondir t
server stop
rmtree t
mkdir t
mkfile t/b
server continue
converged
mkfile t/c
