#! testgam extended
# A missing directory is Deleted, EndExist; when it appears it is Created, and monitored (BEHAVIOUR 0.7, 4.1).
connect
mondir t
mkdir t
mkfile t/a
converged
