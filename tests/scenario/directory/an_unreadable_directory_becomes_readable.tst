#! testgam extended
# A directory that the server may not list exists, and that is all there is to tell. When it may be listed its
# entries are Created, and monitoring goes on (original.md 4.1, 8.10).
server unprivileged
mkdir t
mkfile t/a
chmod t 000
connect
mondir t
chmod t 755
mkfile t/b
converged
