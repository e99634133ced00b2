#! testgam extended
# The name that is taken over is Changed, the name that was given up Deleted, and no name is Created that
# was there (original.md 8.3; D53).
mkdir t
mkfile t/a
mkfile t/b
mkfile f
mkfile g
connect
mondir t
monfile f
move t/a t/b
move g f
