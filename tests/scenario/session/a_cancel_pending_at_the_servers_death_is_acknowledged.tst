#! testgam extended
# Server killed before it answers a cancel: the Acknowledge is owed, and comes (original.md 8.11; D9).
mkdir t
mkdir u
connect
mondir t
mondir u
server stop
cancel 0
server kill
mkfile t/a
mkfile u/b
server start
mkfile t/c
mkfile u/d
