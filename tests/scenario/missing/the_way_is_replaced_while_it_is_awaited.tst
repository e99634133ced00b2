#! testgam extended
# A missing path is awaited where its way leads now, even if another directory has taken the place of one on the way.
mkdir p
mkdir p/q
mkdir r
mkdir r/q
connect
mondir p/q/t
server stop
exchange p r
server continue
mkdir r/q/t
mkdir p/q/t
mkfile p/q/t/a
converged
