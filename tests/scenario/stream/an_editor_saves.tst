#! testgam extended
# An editor that writes a temporary file and renames it: the file is Changed, the temporary one Deleted.
mkdir t
write t/a one
write f one
connect
mondir t
monfile f
save t/a two
save f two
