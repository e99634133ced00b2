#! testgam extended
# Where a link in the middle of a path leads decides what the path is: another directory, another file
# (original.md 8.6).
mkdir one
mkfile one/f
mkfile one/g
mkdir two
mkfile two/f
mkfile two/h
link one now
link two next
connect
monfile now/f
monfile now/g
monfile now/h
move next now
append two/f
append one/f
