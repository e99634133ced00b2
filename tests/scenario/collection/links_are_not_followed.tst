#! testgam extended
# A link below the directory is a name like others; what it leads to is not part of the collection.
mktree elsewhere 1
mkdir t
link $DIR/elsewhere t/link
connect
moncollection t 3 *
mkfile elsewhere/unheard
rmfile t/link
link $DIR/elsewhere/directory t/link
converged
