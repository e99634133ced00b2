#! testgam extended
# What came or went between two looks is told by the second one (original.md 4.2). Of one look first what has gone,
# then what is new or has changed.
server pollonly
mkdir t
mkfile t/a
connect
mondir t
mkfile t/b
rmfile t/a
mv t/b t/c
converged
