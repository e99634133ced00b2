#! testgam extended
# Names that are made and removed one after the other without pause are told for a while, and then, about once a second, how
# what is there differs from what was told. What stays is told.
mkdir t
connect
mondir t
quietly
together
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
churn t 1
wait 30
mkfile t/stays
end
end
expect-any 1 stays Created
expect below 45
converged
