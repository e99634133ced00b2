#! testgam extended
# A request made after FAMNoExists knows no listing, yet after the server's death it hears what comes (D9).
mkdir t
mkfile t/a
connect
noexists
mondir t
append t/a
server kill
mkfile t/b
server start
rmfile t/a
mkfile t/c
