#! testgam extended
# If the way to a file suddenly leads elsewhere, it is another file: Deleted, then Created, and monitored at its path.
mkdir p
mkdir p/q
write p/q/a one
mkdir r
mkdir r/q
write r/q/a two
connect
monfile p/q/a
server stop
exchange p r
server continue
append r/q/a
append p/q/a
rmfile p/q/a
converged
