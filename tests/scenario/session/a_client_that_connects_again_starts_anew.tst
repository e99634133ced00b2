#! testgam extended
# A disconnect ends every request without a word. A new connection knows nothing of them: numbers count
# from 1 again, and only what it asks for is listed (original.md 1.4).
mkdir t
mkdir u
connect
mondir t
mondir u
disconnect
mkfile t/meanwhile
connect
mondir u
mkfile t/a
mkfile u/b
