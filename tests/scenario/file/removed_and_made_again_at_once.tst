#! testgam extended
# A file that is removed and made anew is Deleted, then Created, however fast it was, even if the kernel gives it the
# number of the old one (original.md 4.4).
mkfile a
connect
monfile a
together
rmfile a
mkfile a
end
append a
converged
