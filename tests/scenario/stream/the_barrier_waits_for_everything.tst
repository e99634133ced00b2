#! testgam extended
# What a step did has been reported when the step ends: nothing trickles in afterwards.
mkdir t
connect
mondir t
quietly
mkfiles t 300
appendfiles t 300
end
expect 300
expect none
pending
converged
