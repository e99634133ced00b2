#! testgam extended
# Of two entries that change places in one step, the kernel says that the first was renamed to the second, and the second to
# the first. The second was renamed over: Changed (original.md 8.3); the first was away, and is there again.
mkdir t
write t/a one
write t/b two
connect
mondir t
exchange t/a t/b
append t/a
append t/b
converged
