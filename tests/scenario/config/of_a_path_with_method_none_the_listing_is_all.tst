#! testgam extended
# Method none: the listing, then nothing; each request is told the listing as it is then, and a cancel is acknowledged (D17).
server gaminrc "fsset * none"
mkdir t
mkfile t/a
connect
mondir t
monfile t/a
mkfile t/b
append t/a
rmfile t/a
mondir t
cancel 0
cancel 1
cancel 2
