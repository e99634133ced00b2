#! testgam extended
# Monitoring is never recursive: what comes, changes and goes inside a subdirectory is nothing to the directory
# above (original.md 4.2). The times of the subdirectory change with it, which is no change of the entry.
mkdir t
mkdir t/s
connect
mondir t
mkfile t/s/a
append t/s/a
mkdir t/s/deeper
mv t/s/a t/s/b
rmtree t/s/deeper
rmfile t/s/b
converged
