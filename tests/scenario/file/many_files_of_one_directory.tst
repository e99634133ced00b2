#! testgam extended
# Many requests on files of one directory each hear of their own file.
mkdir t
mkfiles t 5
connect
monfile t/name000000
monfile t/name000001
monfile t/name000002
monfile t/name000003
monfile t/name000004
append t/name000003
append t/name000000
mv t/name000001 t/name000002
rmfile t/name000000
rmfile t/name000002
mkfile t/name000001
converged
