#! testgam extended
# When the monitored directory goes, one Deleted says it all; when it is back, it is Created with all that is in it.
mktree t 1
mkdir spare
connect
moncollection t 2 *
move t spare/t
move spare/t t
append t/directory/file
converged
