#! testgam extended
# Who asks for it is told of a rename as one event with both names, within a directory and from one to another; of what comes from
# elsewhere or goes there, that it came or went.
mkdir t
mkdir u
mkdir elsewhere
write t/a one
write t/b two
connect
moves
mondir t
mondir u
move t/a t/c
move t/c u/c
move u/c t/b
move t/b elsewhere/b
move elsewhere/b u/d
converged
