#! testgam extended
# Hidden files and names that look like options are entries like any other (original.md 4.1).
mkdir t
mkfile t/.hidden
connect
mondir t
mkfile t/-rf
mkfile t/--
mkfile t/...
mkfile t/.a
rmfile t/.hidden
