#! testgam extended
# An entry whose permissions change is Changed, be it a file or a subdirectory (original.md 4.2).
mkdir t
mkfile t/a
mkdir t/s
connect
mondir t
chmod t/a 600
chmod t/s 700
chmod t/a 000
converged
