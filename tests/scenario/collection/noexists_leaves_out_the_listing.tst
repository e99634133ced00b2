#! testgam extended
# After FAMNoExists a collection tells no listing, and all that comes later, also in directories that were there.
mktree t 1
connect
noexists
moncollection t 2 *
append t/directory/file
mkfile t/directory/new
rmfile t/file
