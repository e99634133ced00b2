#! testgam extended
# 5,000 files made in one go are 5,000 events Created, no more and no less.
mkdir t
connect
mondir t
mkfiles t 5000
converged
