#! testgam extended
# A client that asks for a directory of 10,000 entries and reads nothing: another is served meanwhile, and the
# first finds everything when it reads (D26).
mkdir t
mkfiles t 10000
mkdir u
client sleeper
connect
suspend
mondir t
client awake
connect
mondir u
mkfile u/a
append t/name000001
rmfile t/name000002
mkfile t/new
client sleeper
quietly
  resume
end
converged
append t/name000003
