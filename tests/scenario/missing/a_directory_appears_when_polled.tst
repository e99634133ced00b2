#! testgam extended
# Polling sees a missing path appear, with all that is in it (original.md 4.5).
server pollonly
connect
mondir p/t
monfile p/file
mkdir p
mktree p/t 0
mkfile p/file
rmtree p/t
converged
