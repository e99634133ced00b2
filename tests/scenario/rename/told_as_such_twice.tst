#! testgam extended
# Who asked twice is told twice, each time as such. A file that was asked for by itself moves to where another was asked for.
mkdir t
write t/a one
connect
moves
mondir t
mondir t
monfile t/a
monfile t/b
move t/a t/b
move t/b t/a
converged
