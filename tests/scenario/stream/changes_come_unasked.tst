# A classic script has no barrier: every event comes by itself while the client waits. Files, entries,
# missing paths and what merges are all told without anybody's asking (original.md 8.7, 8.8).
connect
mkdir t
mkfile t/a
mondir t
expect 3
mkfile t/b
expect 1
append t/b
expect 1
append t/a
expect 1
chmod t/a 600
expect 1
move t/a t/c
expect 2
monfile f
expect 2
mkfile f
expect 1
append f
expect 1
rmfile f
expect 1
mkdir t/d
expect 1
mondir u/v
expect 2
mkdir u
mkdir u/v
expect 1
mkfile u/v/a
expect 1
rmfile u/v/a
expect 1
rmdir u/v
expect 1
cancel 2
expect 1
events
