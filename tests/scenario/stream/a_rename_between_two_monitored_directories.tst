#! testgam extended
# A file that moves from one monitored directory to another is Deleted here and Created there, in this order.
mkdir t
mkdir u
mkfile t/a
connect
mondir u
mondir t
move t/a u/b
