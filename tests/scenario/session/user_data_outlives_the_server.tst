#! testgam extended
# Numbers and user data belong to the client; the server's death does not mix them up (D9).
mkdir t
mkdir u
connect
mondir t 9 data=nine
mondir u data=one
server kill
mkfile t/a
mkfile u/b
server start
cancel 0
