#! testgam extended
# A directory asked for with a slash at the end is told with it, all its life; entries are bare
# (original.md 8.2; D33).
mkdir t
connect
mondir t/
mkfile t/b
rmtree t
mkdir t
mkfile t/c
