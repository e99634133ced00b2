#! testgam extended
# While a request is suspended, its directory is removed, and told as gone when it is resumed; or made again, and then only what
# is in it differs.
mkdir t
mkfile t/a
connect
mondir t
suspend-monitor 0
rmtree t
resume-monitor 0
mkdir t
mkfile t/a
suspend-monitor 0
rmtree t
mkdir t
mkfile t/b
resume-monitor 0
converged
