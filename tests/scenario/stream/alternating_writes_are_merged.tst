#! testgam extended
# Writes that alternate between two files in a burst are merged for each: the last state is told (D32).
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
server stop
append t/a
append t/b
append t/a
append t/b
append t/a
append t/b
server continue
converged
