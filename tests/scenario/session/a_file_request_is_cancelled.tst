#! testgam extended
# A file request's Acknowledge bears the file's path; the file may then change and go unnoticed.
mkfile a
connect
monfile a
append a
cancel 0
append a
rmfile a
