#! testgam extended
# The steps of the original's manual mean the same in the extended language; only here events stand under
# the step that caused them (docs/testgam.md).
connect test
mkdir temp
mkfile temp/foo
mondir temp
mkfile temp/bar
rmfile temp/bar
cancel 0
disconnect
