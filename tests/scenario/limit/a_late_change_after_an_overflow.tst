#! testgam extended
# While the server mends an overflow, a directory that was made unheard is written to: that is not lost either
# (D7).
mkdir t
mkfiles t 600
mkdir u
connect
quietly
mondir t
mondir u
mondir v/w
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
  rmtree u
  mkdir u
  mkdir v
  together
    server continue
    mkfile u/a
    mkdir v/w
    mkfile v/w/a
    append u/a
  end
end
converged
mkfile u/b
mkfile v/w/b
