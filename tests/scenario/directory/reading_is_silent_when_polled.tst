#! testgam extended
# To read is to change nothing, whichever way it is monitored.
server pollonly
mkdir t
write t/a text
connect
mondir t
read t/a
read t
