#! testgam extended
# However fast the levels come, the file is Created once.
connect
monfile p/directory/file
mktree p 1
append p/directory/file
converged
