#! testgam extended
# A missing directory may come with a directory above it that is renamed into place (original.md 8.7).
mkdir elsewhere
mkdir elsewhere/q
mktree elsewhere/q/t 0
connect
mondir p/q/t
mv elsewhere p
append p/q/t/file
converged
