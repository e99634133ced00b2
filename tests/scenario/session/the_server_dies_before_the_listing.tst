#! testgam extended
# A request that the dead server never answered is listed by the next one, as if nothing had happened.
mkdir t
mkfile t/a
connect
server stop
mondir t
server kill
mkfile t/b
server start
mkfile t/c
