#! testgam extended
# A file that is saved by a rename over it is Changed (original.md 4.4, 8.3).
server pollonly
write a text
connect
monfile a
save a other
replace a more
converged
