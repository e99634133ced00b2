#! testgam extended
# Below a file there is nothing; when a directory takes the file's place there may be (stat(2): ENOTDIR).
mkfile p
connect
mondir p/t
monfile p/file
append p
rmfile p
mktree p 0
mkdir p/t
converged
