#! testgam extended
# The first entries of a directory that takes long to read have been told when it goes: the listing ends, and then the directory
# is deleted, and made again.
mkdir d
mkfile d/a
mkfile d/b
connect
fault slow-scan 1000 late
together
mondir d
wait 1
rmtree d
wait 2000
end
mkdir d
mkfile d/c
converged
