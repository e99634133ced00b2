#! testgam extended
# Content that was written, appended, cut or extended is Changed (original.md 4.2).
mkdir t
mkfile t/a
connect
mondir t
write t/a text
append t/a
truncate t/a 2
truncate t/a 9
truncate t/a 0
converged
