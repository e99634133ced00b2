#! testgam extended
# A client that does not read cancels: nothing waits for it any more but the Acknowledge (original.md 2.6; D26).
mkdir t
mkfiles t 2000
connect
suspend
mondir t
cancel 0
mondir u
resume
mkfile t/a
