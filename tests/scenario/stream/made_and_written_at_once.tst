#! testgam extended
# A file that is made and written in one go is Created, then Changed (BEHAVIOUR 0.8).
mkdir t
connect
mondir t
write t/a text
monfile f
write f text
