#! testgam extended
# Changes at each level down to the depth are told, and none below.
mktree t 3
connect
moncollection t 3 *
append t/file
append t/directory/file
append t/directory/directory/file
append t/directory/directory/directory/file
rmfile t/directory/directory/file
mkfile t/directory/directory/new
mkfile t/directory/directory/directory/new
chmod t/directory 0700
converged
