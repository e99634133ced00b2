#! testgam extended
# A second death is bridged like the first: each tells what happened since the last report (D9).
mkdir t
mkfile t/a
connect
mondir t
server kill
mkfile t/b
server start
rmfile t/a
server kill
rmfile t/b
mkfile t/a
server start
converged
