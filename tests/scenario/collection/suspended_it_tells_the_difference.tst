#! testgam extended
# A collection that is suspended tells, when it is resumed, what is different at every level.
mktree t 1
mktree t/gone 1
connect
moncollection t 3 *
suspend-monitor 0
append t/directory/file
append t/directory/file
rmtree t/gone
mktree t/new 1
resume-monitor 0
converged
mkfile t/new/directory/later
