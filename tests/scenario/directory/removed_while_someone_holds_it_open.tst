#! testgam extended
# The kernel keeps a removed directory for as long as a file in it is open, and says only then that it is gone. The
# directory above knows at once. What the old one still has to say is nothing to the new one.
mkdir t
mkfile t/a
connect
mondir t
open t/a
rmfile t/a
rmdir t
mkdir t
mkfile t/b
write-open t/a text
close t/a
mkfile t/c
converged
