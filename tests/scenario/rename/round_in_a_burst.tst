#! testgam extended
# Three files that pass their names round without pause are in the end known to be there, each another than before. What
# is told on the way there, nobody promises.
mkdir t
write t/a one
write t/b two
write t/c three
connect
mondir t
quietly
together
mv t/a t/x
mv t/b t/a
mv t/c t/b
mv t/x t/c
end
end
converged
append t/a
append t/b
append t/c
