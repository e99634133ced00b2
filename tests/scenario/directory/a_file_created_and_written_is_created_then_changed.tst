#! testgam extended
# Created says that there is a file, Changed that something has been written to it (original.md 8.8). An empty one
# is Created alone.
mkdir t
connect
mondir t
write t/a text
mkfile t/b
touch t/c
converged
