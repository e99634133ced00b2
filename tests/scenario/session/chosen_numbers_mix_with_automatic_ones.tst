#! testgam extended
# A program may choose some request numbers and leave others to the library; every request keeps its own
# events, and an automatic number never meets a chosen one (original.md 8.11; D14).
mkdir t
mkdir u
mkdir v
mkdir w
connect
mondir t 2
mondir u
mondir v
mondir w 7
monfile f 1000
mkfile t/a
mkfile f
mkfile u/b
mkfile v/c
mkfile w/d
