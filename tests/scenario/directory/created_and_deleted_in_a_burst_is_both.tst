#! testgam extended
# What comes and goes faster than anyone looks is still told: the kernel has noticed it (original.md 4.2, 8.1).
mkdir t
connect
mondir t
together
mkfile t/a
rmfile t/a
mkdir t/b
rmdir t/b
end
converged
