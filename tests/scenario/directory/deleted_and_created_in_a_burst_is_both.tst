#! testgam extended
# A name that is given to another file at once is Deleted, then Created; even if the kernel gives the new file
# the number of the old one.
mkdir t
mkfile t/a
connect
mondir t
together
rmfile t/a
mkfile t/a
end
together
rmfile t/a
mkdir t/a
end
converged
