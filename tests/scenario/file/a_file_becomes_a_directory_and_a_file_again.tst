#! testgam extended
# A file request does not care what is at its path: one goes, Deleted, another comes, Created; a directory's entries are
# then its content (original.md 8.5).
mkfile a
connect
monfile a
rmfile a
mkdir a
mkfile a/entry
rmfile a/entry
rmdir a
mkfile a
append a
converged
