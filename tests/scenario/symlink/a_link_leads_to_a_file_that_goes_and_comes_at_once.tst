#! testgam extended
# A link that led nowhere leads to a file that comes, goes and comes again, all at once. The rescan has seen all of that: what was
# noticed before it looked is not told once more.
link a l
connect
monfile l
server stop
append l xxx
mv a elsewhere
save a x
server continue
converged
