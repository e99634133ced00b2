#! testgam extended
# Automatic request numbers are 1, 2, 3; a cancelled request's number is not given again (original.md 1.4).
mkdir t
connect
mondir t
monfile t/a
cancel 0
mondir t
monfile t/b
