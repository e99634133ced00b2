#! testgam extended
# The queue overflows, and then, unheard, a monitored directory is removed and made again with other entries
# (D7, D48).
mkdir t
mkfiles t 600
mkdir u
mkfile u/a
connect
quietly
mondir t
end
mondir u
monfile u/a
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
  rmtree u
  mkdir u
  mkfile u/b
  server continue
end
converged
mkfile u/c
append u/b
