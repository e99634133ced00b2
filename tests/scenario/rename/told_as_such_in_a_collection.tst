#! testgam extended
# In a tree as well: of a directory that moves, first that what was in it is gone, then where the directory is now, and what is in it.
mkdir t
mkdir t/one
mkdir t/two
write t/one/file text
mktree t/one/tree 1
connect
moves
moncollection t 5 *
move t/one/file t/two/file
move t/one/tree t/two/tree
move t/two/tree t/tree
converged
