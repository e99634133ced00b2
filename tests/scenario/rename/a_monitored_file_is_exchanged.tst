#! testgam extended
# A file request on one of two names that change places: there is another file at the path.
write a one
write b two
connect
monfile a
exchange a b
append a
append b
converged
