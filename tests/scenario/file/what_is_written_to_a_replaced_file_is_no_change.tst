#! testgam extended
# Somebody holds a file open that another has replaced, and goes on writing to it: at its old name nothing changes.
write a text
open a
replace a other
connect
monfile a
mondir .
write-open a more
wait 1500
write-open a "and more"
close a
wait 1500
converged
