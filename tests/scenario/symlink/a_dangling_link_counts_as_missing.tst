#! testgam extended
# A link to nothing is missing; when the target appears the path is Created, and what follows is told of the
# target (original.md 4.1, 4.4, 8.6; D34).
link f l
connect
monfile l
mkfile f
append f
rmfile f
