#! testgam extended
# An entry removed from a monitored directory is Deleted, once.
connect
mkdir temp
mkfile temp/file
mkdir temp/folder
mondir temp
rmfile temp/file
rmdir temp/folder
converged
