#! testgam extended
# A directory that was away, but is back by the time that anyone looks, is the one that was told, and monitored as before
# (the original: D3). The server sleeps meanwhile, so that it sees nothing in between.
mkdir t
mkfile t/a
connect
mondir t
server stop
mv t elsewhere
mv elsewhere t
server continue
mkfile t/b
converged
