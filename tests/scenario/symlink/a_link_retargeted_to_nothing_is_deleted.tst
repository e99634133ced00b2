#! testgam extended
# A link that is replaced by a dangling one is Deleted; a good one in its place is Created.
mkfile f
link f l
link nothing dangling
link f good
connect
monfile l
move dangling l
move good l
