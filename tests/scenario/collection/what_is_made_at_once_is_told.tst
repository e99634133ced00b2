#! testgam extended
# A tree that is made without pause is told as a whole, however many levels it has.
mkdir t
connect
moncollection t 5 *
mktree t/a 3
converged
