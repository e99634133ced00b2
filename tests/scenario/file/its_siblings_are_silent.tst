#! testgam extended
# Only what happens to the path is told, not what happens beside it.
mkdir t
mkfile t/a
connect
monfile t/a
mkfile t/b
append t/b
mv t/b t/aa
rmfile t/aa
chmod t 700
