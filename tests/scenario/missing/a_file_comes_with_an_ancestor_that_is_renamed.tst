#! testgam extended
# A missing file may come with a directory above it that is renamed into place (original.md 8.7; D4).
mkdir elsewhere
mktree elsewhere/q 0
connect
monfile p/q/file
mv elsewhere p
append p/q/file
converged
