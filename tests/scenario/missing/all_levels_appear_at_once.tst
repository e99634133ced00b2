#! testgam extended
# However fast the levels come, Created is told once, then each entry (BEHAVIOUR 0.7).
connect
mondir p/directory/directory
mktree p 2
mkfile p/directory/directory/a
converged
