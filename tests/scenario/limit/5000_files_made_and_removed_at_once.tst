#! testgam extended
# Files that are gone as soon as they are made: whatever is told of them, in the end none is there. How many
# are told of depends on the load.
mkdir t
mkfile t/stays
connect
mondir t
quietly
  churn t 5000
end
converged
append t/stays
