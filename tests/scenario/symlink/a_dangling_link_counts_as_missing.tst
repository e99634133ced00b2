#! testgam extended
# A link to nothing is missing; when the target appears the path is Created, and what follows is told of the
# target (BEHAVIOUR 0.6, 4.1, 4.4, D34).
link f l
connect
monfile l
mkfile f
append f
rmfile f
