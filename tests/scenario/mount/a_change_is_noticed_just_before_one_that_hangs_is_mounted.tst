#! testgam extended
# What was noticed before a remote mount came over the directory is not looked for on that mount, which does not answer.
mkdir d
mkdir e
connect
mondir d
mondir e
together
mkfile d/a
fault mount d nfs
fault hang d
mkfile e/x
end
fault answer d
converged
