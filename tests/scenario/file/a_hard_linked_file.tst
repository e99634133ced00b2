#! testgam extended
# A write through the monitored name is Changed; a further name that comes or goes is no business of this one.
mkdir t
mkfile t/a
connect
monfile t/a
hardlink t/a b
rmfile b
append t/a
converged
