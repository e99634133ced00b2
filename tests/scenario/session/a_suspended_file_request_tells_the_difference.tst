#! testgam extended
# FAMSuspendMonitor on a file request: whatever happened to the path, one event at most tells of it.
mkfile f
connect
monfile f
suspend-monitor 0
append f
append f
resume-monitor 0
suspend-monitor 0
rmfile f
resume-monitor 0
suspend-monitor 0
mkfile f
rmfile f
resume-monitor 0
mkfile f
