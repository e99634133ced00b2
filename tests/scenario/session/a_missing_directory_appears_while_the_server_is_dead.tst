#! testgam extended
# Server killed: a directory that appeared meanwhile is Created, and then its entries (D9).
connect
mondir t
server kill
mkdir t
mkfile t/a
server start
converged
