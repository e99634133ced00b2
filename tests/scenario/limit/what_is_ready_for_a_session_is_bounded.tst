#! testgam extended
# A socket takes nothing, and what lies ready for it is more than there may be: what is told then is merged. Of a file that
# changes often one Changed is left, of one that comes and goes nothing; what was ready before is told as it was.
fault outbox 40
mkdir t
mkfile t/changes
mkfile t/goes
connect
mondir t
together
  suspend
  fault room 0
end
append t/changes
mkfile t/ready
wait 1000
append t/changes
wait 1000
append t/changes
mkfile t/fleeting
wait 1000
rmfile t/fleeting
rmfile t/goes
wait 1000
together
  fault room all
  resume
end
converged
