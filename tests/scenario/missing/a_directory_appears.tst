#! testgam extended
# A missing directory is Deleted, EndExist; when it appears it is Created, and monitored (original.md 4.1, 8.7).
connect
mondir t
mkdir t
mkfile t/a
converged
