#! testgam extended
# A file that is made and removed at once is Created, then Deleted (original.md 8.1).
mkdir t
connect
mondir t
monfile f
server stop
mkfile t/a
rmfile t/a
mkfile f
rmfile f
server continue
