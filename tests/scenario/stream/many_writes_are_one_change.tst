#! testgam extended
# A writer that truncates, writes and closes is one Changed, however it does it (original.md 8.8).
mkdir t
write t/a one
connect
mondir t
rewrite t/a two
write t/a three
truncate t/a 2
