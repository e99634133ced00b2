#! testgam extended
# After FAMNoExists a directory that is missing is still Deleted, without EndExist; it appears as ever
# (original.md 4.7).
connect
noexists
mondir t
mkdir t
mkfile t/a
