#! testgam extended
# However fast the levels come, Created is told once, then each entry (original.md 8.7).
connect
mondir p/directory/directory
mktree p 2
mkfile p/directory/directory/a
converged
