#! testgam extended
# A file that is removed and made again at once is Deleted, then Created: both steps are told
# (original.md 4.4, 8.1).
mkdir t
mkfile t/a
mkfile f
connect
mondir t
monfile f
server stop
rmfile t/a
mkfile t/a
rmfile f
mkfile f
server continue
