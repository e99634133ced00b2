#! testgam extended
# A file that is written ten times in one go is told a few times, and its last state is told.
mkdir t
mkfiles t 100
connect
quietly
mondir t
end
quietly
together
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
  appendfiles t 100
end
end
converged
append t/name000042
