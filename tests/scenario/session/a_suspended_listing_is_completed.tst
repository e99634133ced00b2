#! testgam extended
# A request that is suspended before it was listed is listed when it is resumed, with one EndExist; what happened meanwhile is in
# the listing.
mkdir t
mkfile t/a
connect
together
mondir t
suspend-monitor 0
end
mkfile t/b
rmfile t/a
resume-monitor 0
mkfile t/c
converged
