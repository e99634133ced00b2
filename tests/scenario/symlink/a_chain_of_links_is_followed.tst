#! testgam extended
# Each link of a chain counts: the target's changes are told, and a cut anywhere is Deleted.
mkfile f
link f l1
link l1 l2
link l2 l3
connect
monfile l3
append f
rmfile l1
link f l1
rmfile l2
append f
link f l2
append f
