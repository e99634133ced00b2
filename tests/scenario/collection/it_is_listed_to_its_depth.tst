#! testgam extended
# FAMMonitorCollection: a directory and what is below it, down to a depth, each name relative to the directory; one EndExist.
mktree t 3
mkfile t/directory/another
connect
moncollection t 1 *
moncollection t 2 *
moncollection t 9 *
converged
