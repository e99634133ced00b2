#! testgam extended
# 5,000 files removed in one go are 5,000 events Deleted.
mkdir t
mkfiles t 5000
connect
quietly
mondir t
end
rmfiles t 5000
converged
