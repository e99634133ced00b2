#! testgam extended
# A log that is appended three times a second is told four times closely one after the other, and then about once a second; the last
# line too.
mkfile t.log
connect
monfile t.log
quietly
together
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
append t.log
wait 333
end
end
expect below 12
converged
