#! testgam extended
# To open, read or list is to change nothing (original.md 4.2).
mkdir t
write t/a text
mkdir t/s
connect
mondir t
read t/a
read t/s
read t
