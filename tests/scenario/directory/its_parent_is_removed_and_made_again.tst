#! testgam extended
# A path is gone with a directory on the way to it, and back as soon as all of it is (original.md 4.3).
mkdir p
mktree p/t 0
connect
mondir p/t
rmtree p
mkdir p
mktree p/t 0
append p/t/file
converged
