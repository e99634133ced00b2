#! testgam extended
# When a path is watched again, each request is told how what is there differs from its own listing.
server gaminrc "fsset * none"
mkdir t
mkfile t/a
connect
mondir t
rmfile t/a
mkfile t/b
client other
connect
mondir t
server gaminrc "notify $DIR/t"
churn t 1
converged
