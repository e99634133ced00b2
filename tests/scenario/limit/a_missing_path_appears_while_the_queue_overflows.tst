#! testgam extended
# The queue overflows, and then, unheard, the missing levels of a monitored path are made, and written to
# (D7).
mkdir t
mkfiles t 600
connect
quietly
mondir t
end
mondir u/v
monfile u/v/f
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
  mkdir u
  mkdir u/v
  write u/v/f one
  server continue
end
converged
mkfile u/v/g
move u w
