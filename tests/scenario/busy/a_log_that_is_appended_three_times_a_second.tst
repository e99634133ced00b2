#! testgam extended
# A log that is appended three times a second is told four times closely one after the other, and then about once a second: in fewer
# events than it has lines, even where the writer is held up now and then. The last line is told too.
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
expect below 15
converged
