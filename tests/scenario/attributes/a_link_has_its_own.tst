#! testgam extended
# An entry that is a link is Changed by what is done to the link, not by what is done to its target (original.md 8.6).
mkdir t
mkfile file
link ../file t/l
connect
mondir t
chmod t/l 600
chown t/l 1
converged
