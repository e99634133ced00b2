#! testgam extended
# What happens in two monitored directories by turns is told by turns (docs/semantics.md promises it for one
# request; a single queue gives it for all of a client).
mkdir t
mkdir u
connect
mondir t
mondir u
server stop
mkfile u/a
mkfile t/b
mkfile u/c
mkfile t/d
rmfile u/a
server continue
