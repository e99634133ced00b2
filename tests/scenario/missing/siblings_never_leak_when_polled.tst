#! testgam extended
# Nothing but the path is told (original.md 8.7).
server pollonly
mkdir p
connect
mondir p/t
mkfile p/other
mkdir p/tt
mkdir p/t
converged
