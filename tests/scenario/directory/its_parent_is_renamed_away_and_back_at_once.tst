#! testgam extended
# If the way to a path was broken, but is whole by the time that anyone looks, nothing is told and nothing lost. The
# server sleeps meanwhile, so that it sees nothing in between.
mkdir p
mktree p/t 0
connect
mondir p/t
server stop
mv p q
mv q p
server continue
mkfile p/t/a
converged
