#! testgam extended
# What can't be understood is passed over; the rest of the file, and of the line, is used. Blanks of any kind separate.
server gaminrc "polls $DIR/u"
server gaminrc "fsset"
server gaminrc "\t poll\trelative  $DIR/t\t# and nothing else\x0d"
mkdir t
mkdir u
connect
mondir t
mondir u
churn t 1
churn u 1
