#! testgam extended
# A client sleeps while 1,000 entries change over and over. What waits for it is merged: it hears of each name a
# few times, not of every write, and the outcome is true (D26).
mkdir t
mkfiles t 1000
mkdir u
client sleeper
connect
quietly
mondir t
end
suspend
client awake
connect
mondir u
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
appendfiles t 1000
rmfiles t 500
mkfile u/a
client sleeper
quietly
  resume
end
converged
append t/name000777
