#! testgam extended
# Where the kernel refuses to tell of the directory that holds a link, the link may be gone by the time that something is noticed
# where it led: the path is looked at anew, and nothing is told of what it does not lead to any more.
connect
mkdir d
link d l
fault refuse . 9 limit
mondir l
mkfile d/a
mv l d/b
mkfile d/c
converged
