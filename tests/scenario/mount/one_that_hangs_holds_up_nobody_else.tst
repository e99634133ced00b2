#! testgam extended
# A remote mount that does not answer holds up who asks for what is there, and nobody else: not the same client either, nor who lists the
# directory in which it is. What happened there meanwhile is told when it answers.
mkdir share
mkdir here
fault mount share fuse.sshfs
mkfile share/a
connect
mondir share
mondir here
fault hang share
mkfile share/b
rmfile share/a
mkfile here/x
monfile share/b
mondir .
client other
connect
mondir here
mkfile here/y
client main
cancel 0
mondir share
fault answer share
converged
