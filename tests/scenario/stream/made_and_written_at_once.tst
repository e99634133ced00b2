#! testgam extended
# A file that is made and written in one go is Created, then Changed (original.md 8.8).
mkdir t
connect
mondir t
write t/a text
monfile f
write f text
