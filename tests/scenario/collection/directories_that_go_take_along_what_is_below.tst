#! testgam extended
# A directory that goes takes along what was told below it: Deleted for each name, for what is in a directory before the directory.
mktree t 2
connect
moncollection t 3 *
move t/directory/directory elsewhere
mkfile elsewhere/unheard
rmtree t/directory
converged
