#! testgam extended
# One that changes without pause is told a few times, and then about once a second; the last state is told. Its neighbour's one
# rewrite meanwhile is one Changed.
mkdir t
mkfile t/busy
mkfile t/neighbour
connect
mondir t
client other
connect
monfile t/neighbour
client main
quietly
together
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
rewrite t/neighbour new
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
append t/busy
wait 50
end
end
client other
expect 3
client main
expect below 17
converged
