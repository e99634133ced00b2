#! testgam extended
# An editor writes a temporary file and renames it over the old one. The name was there all along: it is Changed,
# neither Deleted nor Created (original.md 8.3; D53).
mkdir t
write t/a text
connect
mondir t
save t/a other
converged
