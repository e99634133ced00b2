#! testgam extended
# A collection at a missing path is Deleted until there is a directory.
mktree spare 1
connect
moncollection t 2 *
move spare t
converged
