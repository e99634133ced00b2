#! testgam extended
# An entry made in a monitored directory is Created, once.
connect
mkdir temp
mondir temp
mkfile temp/file
mkdir temp/folder
link file temp/link
converged
