#! testgam extended
# A burst is no flood: each step of it is told, and at once.
mkdir t
connect
mondir t
together
mkfiles t 300
rmfiles t 300
mkfiles t 300
end
converged
