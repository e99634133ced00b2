#! testgam extended
# A mount that does not answer is covered by one that does, as who mounts it once more has it: nobody waits for the first any more.
mkdir share
fault mount share fuse.sshfs
mkfile share/a
connect
mondir share
fault hang share
mkfile share/b
fault mount share fuse.sshfs
mkfile share/c
converged
