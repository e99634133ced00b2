#! testgam extended
# Server killed: a file of the same size put in the place of a monitored one is Changed (D9).
write a one
mkdir t
write t/a one
connect
monfile a
mondir t
server kill
replace a two
replace t/a two
server start
