#! testgam extended
# A directory became another, which may not be read, and the kernel's queue had no room to tell of it. As soon as it may be read, what
# happens in it is told: nobody relies on the watch of a directory that is no more.
mkdir d
server unprivileged
connect
mondir d
converged
server stop
fault queue 0
rmdir d
mkdir d
chmod d 000
server continue
converged
chmod d 755
converged
mkfile d/a
converged
