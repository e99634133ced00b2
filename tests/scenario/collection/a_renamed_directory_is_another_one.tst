#! testgam extended
# A directory that is renamed goes with all that was told of it, and comes with all that is in it.
mktree t 1
connect
moncollection t 2 *
move t/directory t/renamed
append t/renamed/file
converged
