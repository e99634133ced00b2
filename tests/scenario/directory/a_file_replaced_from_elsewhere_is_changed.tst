#! testgam extended
# A file renamed over an entry from outside the directory makes the entry Changed (original.md 8.3; D53).
mkdir t
write t/a text
connect
mondir t
replace t/a other
converged
