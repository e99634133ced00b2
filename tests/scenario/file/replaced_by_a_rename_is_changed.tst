#! testgam extended
# A file that is saved by a rename over it was there all along: Changed, neither Deleted nor Created
# (original.md 4.4, 8.3; D53). The new file is monitored as the old one was.
write a text
connect
monfile a
save a other
replace a "other again"
append a
converged
