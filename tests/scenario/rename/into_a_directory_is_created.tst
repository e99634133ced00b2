#! testgam extended
# What is renamed into the directory is Created, a directory without its entries (original.md 4.2).
mkdir t
mkfile a
mktree s 1
connect
mondir t
mv a t/a
mv s t/s
append t/a
mkfile t/s/more
converged
