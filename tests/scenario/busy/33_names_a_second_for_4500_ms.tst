#! testgam extended
# A directory in which 33 names a second are made and removed for 4.5 s gives fewer than 55 events. What stays is told.
# To the millisecond, and so in the simulated world alone; `cargo bench -p testgam --bench busy` measures the same in the real one.
fault clock 0
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
expect below 57
converged
