#! testgam extended
# Without the link in the middle the path is missing; with it, it is there.
mkdir one
mkdir one/t
mkfile one/t/a
link one now
connect
mondir now/t
rmfile now
mkfile one/t/b
link one now
mkfile one/t/c
