#! testgam extended
# Whatever is made while a directory is being listed: the listing is whole before the first change is told,
# and each name is told once (original.md 8.9). testgam checks it; how many names fall before and after is chance.
mkdir t
mkfiles t 300
mkdir t/u
connect
quietly
together
  mondir t
  mkfiles t/u 10
  rmfiles t 100
  mkfiles t 200
  mondir t
  appendfiles t 100
end
end
converged
