#! testgam extended
# What comes and goes while a directory is being listed is in the listing or told after it.
mkdir d
mkfiles d 4
connect
fault during-scan
  rmfile d/name000000
  mkfile d/later
end
mondir d
converged
