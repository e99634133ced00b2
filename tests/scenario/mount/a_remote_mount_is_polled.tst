#! testgam extended
# Of a file system that lives by another machine the kernel tells nothing that others do there: it is looked at, and the outcome told.
mkdir share
fault mount share nfs
mkfile share/a
connect
mondir share
monfile share/b
together
mkfile share/b
mkfile share/c
rmfile share/c
end
wait 5000
rmfile share/b
converged
fault unmount share
converged
