#! testgam extended
# More happens than the kernel's queue of 16,384 holds: what was lost is found by looking, and the connection
# goes on as if nothing had been (D7). How much is told is chance; that it is true is not.
mkdir t
mkfiles t 600
mkfile t/gone
connect
quietly
mondir t
end
server stop
quietly
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  appendfiles t 600
  rmfile t/gone
  mkfile t/new
  append t/name000007
  server continue
end
converged
append t/name000042
mkfile t/newer
