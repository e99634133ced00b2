#! testgam extended
# Suspending is for one request: another one on the same directory, and other clients, hear everything at once. To suspend twice
# is to suspend once, and to resume what is not suspended does nothing.
mkdir t
connect
mondir t
mondir t
client other
connect
mondir t
client main
suspend-monitor 0
suspend-monitor 0
mkfile t/a
resume-monitor 0
resume-monitor 0
mkfile t/b
