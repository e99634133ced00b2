#! testgam extended
# FAMPending is 1 while an event can be read, 0 when none can (original.md 1.4).
mkdir t
connect
pending
suspend
mondir t
pending
resume
pending
