#! testgam extended
# An entry whose owner changes is Changed (original.md 4.2).
mkdir t
mkfile t/a
mkdir t/s
connect
mondir t
chown t/a 1
chown t/s 1
chown t/a 0
converged
