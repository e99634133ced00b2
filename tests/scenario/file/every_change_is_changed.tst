#! testgam extended
# Content and attributes alike (original.md 4.4).
mkfile a
connect
monfile a
write a text
append a
truncate a 1
chmod a 600
touch a
touch a 1000000000
converged
