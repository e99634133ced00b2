#! testgam extended
# After FAMNoExists a directory request tells nothing at first, not even EndExist, and then every change
# (original.md 4.7).
mkdir t
mkfile t/old
connect
noexists
mondir t
append t/old
rmfile t/old
mkfile t/new
cancel 0
