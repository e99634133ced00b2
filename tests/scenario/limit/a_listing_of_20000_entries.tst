#! testgam extended
# A directory of any size is listed completely, each entry once (original.md 4.1). Beyond 4,096 entries it is
# listed by name alone (ARCHITECTURE.md, Stamps); what changes then is told all the same.
mkdir t
mkfiles t 20000
connect
mondir t
append t/name007777
rmfile t/name012345
mkfile t/new
converged
