#! testgam extended
# Each client of a server has its own listing and its own numbers, and hears of every change once.
mkdir t
mkfile t/a
connect
mondir u
mondir t
client second
connect
mondir t
append t/a
mkfile t/b
rmfile t/a
