#! testgam extended
# Requests that spell one directory differently each get every event once, with their own spelling
# (original.md 8.2).
mkdir t
connect
mondir t
mondir t/
mondir .//t
mondir t/.
mkfile t/a
rmfile t/a
rmdir t
mkdir t
