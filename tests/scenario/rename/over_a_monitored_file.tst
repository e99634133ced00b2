#! testgam extended
# A file renamed over a monitored one makes it Changed; monitored itself, it is Deleted under its old name.
mkfile a
mkfile b
connect
monfile a
monfile b
mv a b
append b
mkfile a
converged
