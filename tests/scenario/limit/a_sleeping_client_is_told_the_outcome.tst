#! testgam extended
# What happens while a client does not read waits for it, merged at most: in the end it knows what is there.
# Few events wait as they are.
mkdir t
mkfile t/a
connect
mondir t
suspend
append t/a
mkfile t/b
rmfile t/a
mkfile t/c
resume
converged
