#! testgam extended
# A look is repeated because of what happened meanwhile. Of a name that is another by then, nothing is told that is older
# than what the second look has found.
mkdir d
connect
mondir d
suspend
fault slow-scan 1000
mkdir d/b
server kill
events
touch d/s
events
exchange d/s d/b
server start
resume
converged
