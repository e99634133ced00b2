#! testgam extended
# What was watched has gone elsewhere, and what is in its place may not be read: nothing is told of what happens elsewhere.
server unprivileged
mkdir d
mkfile d/a
mkdir e
connect
mondir d
together
exchange d e
chmod d 311
mkfile e/b
rmfile e/a
end
converged
