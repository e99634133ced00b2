#! testgam extended
# A chain of renames is told name by name, and in the end as it is on disk.
mkdir t
mkfile t/a
connect
mondir t
together
mv t/a t/b
mv t/b t/c
mv t/c t/d
end
append t/d
converged
