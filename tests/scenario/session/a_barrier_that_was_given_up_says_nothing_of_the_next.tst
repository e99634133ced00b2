#! testgam extended
# A client whose first question is not answered in time gives it up; when the answer comes after all, it does not take
# the server for one that answers nobody.
mkdir d
connect
suspend
fault room 1
fails pending
fault room all
resume
mondir d
mkfile d/a
converged
