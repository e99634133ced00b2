#! testgam extended
# Server killed while a request is suspended: it stays suspended, and what is different when it is resumed is told.
mkdir t
mkfile t/changed
mkfile t/gone
connect
mondir t
suspend-monitor 0
append t/changed
server kill
rmfile t/gone
mkfile t/new
server start
mkfile t/newer
resume-monitor 0
converged
