#! testgam extended
# `..` behind a link goes up from where the link leads, as the system has it, not from where the link is.
mkdir t
mkdir u
mkdir u/v
link u/v l
mkfile u/f
mkfile f
connect
monfile l/../f
monfile t/../f
append u/f
append f
rmfile l
