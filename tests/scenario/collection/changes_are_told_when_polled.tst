#! testgam extended
# Without kernel notices, at each level what differs from look to look is told.
server pollonly
mktree t 1
connect
moncollection t 2 *
append t/directory/file
mktree t/new 1
rmtree t/directory
converged
