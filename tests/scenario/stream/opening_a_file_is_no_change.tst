#! testgam extended
# A file that is opened for writing and closed again is the same file (original.md 8.8).
mkdir t
write t/a text
connect
mondir t
monfile t/a
open t/a
close t/a
