#! testgam extended
# When one of two clients leaves, the other hears on (D1).
mkdir t
connect
mondir t
client second
connect
mondir t
mkfile t/a
disconnect
mkfile t/b
client third
connect
mondir t
mkfile t/c
