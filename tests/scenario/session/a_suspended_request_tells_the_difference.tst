#! testgam extended
# FAMSuspendMonitor: nothing is told. FAMResumeMonitor: what is different by then, not what happened (D44): what came and went
# is silent, what is new or changed is told once, what was removed and made again is Changed.
mkdir t
mkfile t/changed
mkfile t/gone
mkfile t/remade
mkfile t/same
connect
mondir t
suspend-monitor 0
append t/changed
append t/changed
rmfile t/gone
rmfile t/remade
mkfile t/remade
mkfile t/new
append t/new
mkfile t/fleeting
rmfile t/fleeting
resume-monitor 0
converged
mkfile t/later
