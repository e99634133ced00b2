#! testgam extended
# Two ask for a directory that takes long to read, the second while the first has been told half of it: each is told every entry
# once, and a change meanwhile only the first.
mkdir d
mkfile d/a
mkfile d/b
mkfile d/c
client one
connect
client two
connect
client one
fault slow-scan 1000 late
together
mondir d
wait 1
client two
mondir d
write d/a new
wait 3000
end
converged
