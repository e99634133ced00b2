#! testgam extended
# Who waits for a remote mount that does not answer waits no longer when it is taken away, and is told what was below it.
mkdir share
mkfile share/below
fault mount share nfs
mkfile share/a
connect
mondir share
fault hang share
monfile share/a
monfile share/below
fault unmount share
mkfile share/a
converged
quiet
