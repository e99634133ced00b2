#! testgam extended
# A server that does not run for a while tells afterwards all that happened, in order (original.md 8.1).
mkdir t
mkfile t/a
connect
mondir t
server stop
mkfile t/b
rmfile t/a
mkfile t/c
server continue
