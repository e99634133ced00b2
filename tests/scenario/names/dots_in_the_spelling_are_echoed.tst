#! testgam extended
# `.` as part of a path means nothing and is told as it was asked for (original.md 8.2).
mkdir t
mkfile t/a
mkdir u
mkfile u/f
connect
mondir ./t/.
mondir t/./
monfile ././u/./f
append t/a
append u/f
rmtree u
rmtree t
