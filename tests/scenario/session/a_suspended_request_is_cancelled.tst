#! testgam extended
# A suspended request may be cancelled: nothing but its Acknowledge is told. What is cancelled can neither be suspended nor resumed.
mkdir t
connect
mondir t
suspend-monitor 0
mkfile t/a
cancel 0
fails suspend-monitor 0
fails resume-monitor 0
mkfile t/b
