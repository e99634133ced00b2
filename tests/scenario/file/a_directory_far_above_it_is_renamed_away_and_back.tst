#! testgam extended
# It does not matter how far above (D4).
mkdir p
mkdir p/q
mkdir p/q/r
mkfile p/q/r/a
connect
monfile p/q/r/a
mv p elsewhere
mv elsewhere p
append p/q/r/a
converged
