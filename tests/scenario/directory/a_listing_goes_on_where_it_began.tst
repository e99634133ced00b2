#! testgam extended
# Of a directory that takes long to read, the entries that were read first are told at once, and the others with the end of the
# listing. What has become of the first ones meanwhile comes behind that.
mkdir d
mkfile d/a
mkfile d/b
mkfile d/c
mkfile d/x
mkfile d/y
connect
fault slow-scan 1000 late
together
mondir d
wait 1
rmfile d/a
write d/b new
rmfile d/c
mkfile d/c
rmfile d/x
mkfile d/z
wait 2000
end
converged
