#! testgam extended
# An overflow is mended for everybody: each client's own view comes to equal the disk (D7).
mkdir t
mkfiles t 600
mkdir u
connect
quietly
mondir t
mondir u
client second
connect
mondir t
monfile t/name000000
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
  mkfile u/a
  rmfile t/name000000
  server continue
end
converged
mkfile u/b
rmfile t/name000001
