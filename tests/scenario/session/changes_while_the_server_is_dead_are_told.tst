#! testgam extended
# Server killed: what was created, deleted and changed meanwhile is told once it runs again, as a difference;
# what did not change is not mentioned (original.md 3.3, 8.11; D9).
mkdir t
mkfile t/same
mkfile t/written
mkfile t/gone
connect
mondir t
server kill
mkfile t/new
append t/written
rmfile t/gone
server start
mkfile t/later
converged
