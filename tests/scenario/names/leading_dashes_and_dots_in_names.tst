#! testgam extended
# Hidden files and names that look like options are entries like any other (BEHAVIOUR 4.1).
mkdir t
mkfile t/.hidden
connect
mondir t
mkfile t/-rf
mkfile t/--
mkfile t/...
mkfile t/.a
rmfile t/.hidden
