#! testgam extended
# Server killed: a request for a missing file made before it runs again is answered, and the file awaited (D8, D9).
mkdir t
connect
mondir t
server kill
monfile f
server start
mkfile f
