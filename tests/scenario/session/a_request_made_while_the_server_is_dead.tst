#! testgam extended
# Server killed: a request made before it runs again is answered in full, with its number (D8, D9).
mkdir t
mkfile t/a
connect
mondir t
server kill
mondir t
server start
mkfile t/b
