#! testgam extended
# A missing file may come with a directory above it that is renamed into place (BEHAVIOUR 0.7; the original: D4).
mkdir elsewhere
mktree elsewhere/q 0
connect
monfile p/q/file
mv elsewhere p
append p/q/file
converged
