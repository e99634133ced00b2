#! testgam extended
# A rule that is added while the server runs moves what is watched already to the other method, and nothing is lost on the way.
mkdir t
mkfile t/a
connect
mondir t
monfile t/a
churn t 1
server gaminrc "poll $DIR/t*"
churn t 1
mkfile t/b
append t/a
rmfile t/b
converged
