#! testgam extended
# Reading, listing and a new time of access are nothing (BEHAVIOUR 0.8).
mkdir t
write t/a text
mkdir t/d
connect
mondir t
monfile t/a
monfile t
read t/a
read t
read t/d
touch-access t/a
