#! testgam extended
# Without notices it shows afterwards that a directory was moved while it was listed: what came into it elsewhere is not told at
# the old place.
server pollonly
connect
mkdir d
mkdir e
fault during-scan
end
fault during-scan
mv e d
mkfile d/b
end
mondir e
converged
