#! testgam extended
# A directory that is closed to the server takes its files away, and gives them back when it is opened (original.md 8.10).
server unprivileged
mkdir t
mkfile t/a
connect
monfile t/a
chmod t 000
chmod t 755
append t/a
converged
