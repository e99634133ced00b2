#! testgam extended
# An entry may bear the name of the monitored directory; the root's events bear its whole path.
mkdir t
connect
mondir t
mkdir t/t
mkfile t/t/t
rmtree t/t
rmdir t
