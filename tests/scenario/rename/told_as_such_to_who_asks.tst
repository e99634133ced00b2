#! testgam extended
# One client asks for renames to be told as such, and for one directory too late; the other does not.
mkdir t
mkdir u
write t/a one
connect
mondir u
moves
mondir t
client bob
connect
mondir t
mondir u
client 1
move t/a t/b
move t/b u/b
move u/b t/c
converged
