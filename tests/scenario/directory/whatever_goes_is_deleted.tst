#! testgam extended
# An entry that was removed is Deleted, be it a file or a directory (original.md 4.2).
mkdir t
mkfile t/file
mkdir t/directory
link nowhere t/link
connect
mondir t
rmfile t/file
rmdir t/directory
rmfile t/link
converged
