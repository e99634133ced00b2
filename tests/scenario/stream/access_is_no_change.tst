#! testgam extended
# Reading, listing and a new time of access are nothing (original.md 8.8).
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
