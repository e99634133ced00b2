#! testgam extended
# Of a directory in which something is mounted, nothing is told by the kernel; the mount table says that the entry is another one.
mkdir t
mkdir t/d
connect
mondir t
fault mount t/d
fault unmount t/d
converged
quiet
