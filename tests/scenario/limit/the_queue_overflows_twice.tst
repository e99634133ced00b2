#! testgam extended
# After one overflow the next is mended like the first (D7).
mkdir t
mkfiles t 600
connect
quietly
mondir t
server stop
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
rmfile t/name000001
server continue
server stop
mkfile t/name000001
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
rmfile t/name000002
server continue
end
converged
mkfile t/name000002
