#! testgam extended
# A file request is answered with Exists and EndExist whatever is there, a directory included (original.md 4.1).
mkfile a
mkdir d
mkfifo p
connect
monfile a
monfile d
monfile p
