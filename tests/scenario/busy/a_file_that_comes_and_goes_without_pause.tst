#! testgam extended
# A monitored file that is made and removed again and again is told for a while, and then now and then; in the end, what it is.
connect
monfile f
quietly
together
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
rmfile f
wait 30
mkfile f
end
end
expect below 45
converged
