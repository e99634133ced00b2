#! testgam extended
# `kill` ends the server with a client in need of it: the client starts another one by itself
# (original.md 3.3). Nobody types `server start` here.
mkdir t
mkfile t/a
connect
mondir t
kill
mkfile t/b
append t/a
