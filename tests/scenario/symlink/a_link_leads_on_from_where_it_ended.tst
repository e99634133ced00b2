#! testgam extended
# A link is renamed to what it led to, and its name leads on from there, to nothing: what is noticed of that place is not about the
# file that is watched any more.
connect
mkfile d
link d l
monfile l
server stop
replace l ""
mv l d
link d/a l
server continue
converged
