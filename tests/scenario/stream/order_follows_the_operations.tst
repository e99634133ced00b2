#! testgam extended
# What happens to different names is told in the order in which it happened (original.md 8.9).
mkdir t
mkfile t/x
connect
mondir t
server stop
mkfile t/b
mkfile t/a
rmfile t/x
mkdir t/c
move t/a t/d
chmod t/b 600
server continue
