#! testgam extended
# A directory that moves while it is listed is listed again at its old place: what comes into it at its new place was never
# at the old one.
mkdir d
mkdir e
connect
suspend
fault during-scan
  mv d e
  link a e/l
end
mondir d
resume
converged
