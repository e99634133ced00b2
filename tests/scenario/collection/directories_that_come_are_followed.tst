#! testgam extended
# A directory that comes is Created, and what is in it; from then on it is followed, as far down as the depth.
mkdir t
mktree tree 2
connect
moncollection t 2 *
mkdir t/made
mkfile t/made/a
move tree t/moved
mkfile t/moved/b
mkfile t/moved/directory/c
converged
