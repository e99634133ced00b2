#! testgam extended
# Deleted, Created, as often as it happens (original.md 4.4).
mkfile a
connect
monfile a
rmfile a
mkfile a
rmfile a
write a text
converged
