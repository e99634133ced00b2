#! testgam extended
# The old name goes before the new one comes (original.md 4.2).
mkdir t
mkfile t/a
mkfile t/old
connect
mondir t
move t/a t/b
server stop
move t/b t/c
move t/c t/d
server continue
