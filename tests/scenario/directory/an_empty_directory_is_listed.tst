#! testgam extended
# A directory request is answered with Exists of the directory itself, spelled as asked, and EndExist, even if
# there is nothing in between (original.md 4.1).
mkdir t
connect
mondir t
