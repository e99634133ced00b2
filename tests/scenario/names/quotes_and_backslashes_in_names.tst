#! testgam extended
# Quotes and backslashes are told as they are, and a name that looks like an escape is none.
mkdir t
connect
mondir t
mkfile "t/\"quoted\""
mkfile "t/back\\slash"
mkfile "t/\\x41"
mkfile t/it's
monfile "\\n"
mkfile "\\n"
