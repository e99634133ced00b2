#! testgam extended
# Server killed: a directory that was removed and made again meanwhile is told as the difference of its
# entries (D9).
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
server kill
rmtree t
mkdir t
mkfile t/b
mkfile t/c
server start
converged
mkfile t/d
