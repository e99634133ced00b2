#! testgam extended
# A monitored link stands for its target: what happens to the target is told, under the link's name
# (original.md 4.4, 8.6; D34).
write f one
link f l
connect
monfile l
append f
chmod f 600
replace f two
rmfile f
mkfile f
