#! testgam extended
# A link that is replaced in one step by one to another file is Changed; then the new target counts and the
# old one does not (original.md 8.3, 8.6).
write f1 one
write f2 two
link f1 l
link f2 l2
connect
monfile l
move l2 l
append f2
append f1
rmfile f1
rmfile f2
