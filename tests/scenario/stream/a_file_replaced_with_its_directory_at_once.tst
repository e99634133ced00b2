#! testgam extended
# A directory on the way to a monitored file changes its attributes and is at once replaced: the file goes once
# and comes once (original.md 8.3).
mkdir t
mkfile t/f
connect
monfile t/f
server stop
chmod t 700
rmtree t
mkdir t
mkfile t/f
server continue
