#! testgam extended
# A write is told while the file is still open; closing it says nothing more (original.md 8.8).
mkdir t
mkfile t/a
connect
mondir t
open t/a
write-open t/a one
write-open t/a two
close t/a
