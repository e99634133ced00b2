#! testgam extended
# Both clients of a dead server find the next one, and each is told the difference to what it knew.
mkdir t
connect
mondir t
mkfile t/a
client second
connect
mondir t
server kill
mkfile t/b
rmfile t/a
server start
mkfile t/c
