#! testgam extended
# To open, read and close is to change nothing; nor is the time of access (original.md 4.4, 8.8).
write a text
connect
monfile a
read a
open a
close a
touch-access a
