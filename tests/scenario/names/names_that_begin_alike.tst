#! testgam extended
# A request is about its own path, not about one that begins with the same letters (D23 is the like).
mkdir t
mkdir t2
mkdir u
connect
mondir t
monfile u/a
monfile u/ab
mkfile t2/a
mkfile u/ab
mkfile u/a
mkfile t/a
