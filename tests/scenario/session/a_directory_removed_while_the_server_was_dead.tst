#! testgam extended
# Server killed: a monitored directory that vanished meanwhile is Deleted, and Created with its entries when
# it comes back (D9).
mkdir t
mkfile t/a
connect
mondir t
server kill
rmtree t
server start
mkdir t
mkfile t/b
