#! testgam extended
# Doubled slashes are told as they were asked for, and the request hears everything (original.md 8.2; D35).
mkdir t
mkfile t/a
mkdir u
mkfile u/f
connect
mondir t//
mondir .//t
monfile u//f
append t/a
append u/f
rmfile u/f
mkfile u/f
rmtree u
rmtree t
