#! testgam extended
# To open, read and close is to change nothing; nor is the time of access (BEHAVIOUR 0.8, 4.4).
write a text
connect
monfile a
read a
open a
close a
touch-access a
