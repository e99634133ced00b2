# The session of the original's manual, word for word (docs/testgam.md). No header: this is the classic language.
connect test
mkdir temp
mkfile temp/foo
mondir temp
expect 3
mkfile temp/bar
expect 1
rmfile temp/bar
expect 1
cancel 0
expect 1
events
disconnect
