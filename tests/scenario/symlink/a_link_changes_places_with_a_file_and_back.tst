#! testgam extended
# A link changes places with a file, and back, before anything is noticed, for the server sleeps: that it led nowhere meanwhile is told
# once.
connect
mkdir d
mkfile d/s
link . l
mondir l
server stop
exchange l d/s
exchange d/s l
server continue
converged
