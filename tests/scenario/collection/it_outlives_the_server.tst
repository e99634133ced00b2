#! testgam extended
# Server killed: what changed meanwhile at any level is told as a difference.
mktree t 2
mkfile t/directory/gone
connect
moncollection t 3 *
server kill
append t/directory/directory/file
rmfile t/directory/gone
mkdir t/new
mkfile t/new/file
server start
converged
append t/new/file
