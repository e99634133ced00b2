#! testgam extended
# FAMNoExists is about directories: a file request on the same connection is listed (original.md 4.7).
mkfile a
connect
noexists
monfile a
monfile missing
append a
