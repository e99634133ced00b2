#! testgam extended
# A file and the directory it lies in are monitored side by side, each told in its own way (original.md 4.6).
mkdir t
mkfile t/a
connect
monfile t/a
mondir t
append t/a
mkfile t/b
replace t/a text
rmfile t/a
rmtree t
mktree t 0
mkfile t/a
