#! testgam extended
# Server killed: a file that appeared meanwhile is Created (D9).
connect
monfile f
server kill
mkfile f
server start
converged
