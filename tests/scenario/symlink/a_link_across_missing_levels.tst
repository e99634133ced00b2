#! testgam extended
# The target of a link may lack any number of directories (original.md 8.7).
link u/v/w/f l
connect
monfile l
mkdir u
mkdir u/v
mkdir u/v/w
mkfile u/v/w/x
mkfile u/v/w/f
move u u2
move u2 u
