#! testgam extended
# A missing path is awaited in the nearest directory that exists; nothing else of that directory is told
# (original.md 4.5, 8.7; D2).
mkdir p
connect
mondir p/t
mondir p/q/t
mkfile p/other
append p/other
mkdir p/tt
mkdir p/q
mkfile p/q/other
chmod p 700
rmfile p/other
mkdir p/t
