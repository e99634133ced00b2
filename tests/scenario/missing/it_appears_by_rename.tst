#! testgam extended
# A directory that is renamed to the missing path is Created with all that it holds.
mktree elsewhere 0
connect
mondir t
mv elsewhere t
append t/file
converged
