#! testgam extended
# A file comes where a dangling link leads, and another link takes its place, before anything is noticed: the path is looked at
# once all that has happened, and what it found is not taken back by what it was told of before.
connect
mkdir d
monfile l/a
link d/a l
server stop
rewrite l ""
rmfile l
link d l
server continue
converged
