# The server ends while its client waits: the client finds another one by itself and is told what happened
# meanwhile (original.md 4.8, 8.11).
connect
mkdir t
mondir t
expect 2
kill
mkfile t/a
expect 1
append t/a
expect 1
