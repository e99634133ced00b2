#! testgam extended
# A cancelled collection is acknowledged once, whatever it had grown to; then silence.
mktree t 2
connect
moncollection t 3 * data="all of it"
cancel 0
append t/file
append t/directory/file
