#! testgam extended
# Server killed: a directory and a file that appeared meanwhile are Created, the directory's entries too (D9).
connect
mondir t
monfile f
server kill
mkdir t
mkfile t/a
mkfile f
server start
converged
