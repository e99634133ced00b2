#! testgam extended
# What lies in a directory that the server may not pass through counts as missing (original.md 4.1). When it may, the file is
# Created, and monitored from then on (original.md 8.10).
server unprivileged
mkdir t
mkfile t/a
chmod t 000
connect
monfile t/a
chmod t 755
append t/a
converged
