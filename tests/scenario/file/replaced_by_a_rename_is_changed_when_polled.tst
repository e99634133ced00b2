#! testgam extended
# A file that is saved by a rename over it is Changed (BEHAVIOUR 0.3, 4.4).
server pollonly
write a text
connect
monfile a
save a other
replace a more
converged
