#! testgam extended
# An editor writes a temporary file and renames it over the old one. The name was there all along: it is Changed,
# neither Deleted nor Created (BEHAVIOUR 0.3; the original: D53).
mkdir t
write t/a text
connect
mondir t
save t/a other
converged
