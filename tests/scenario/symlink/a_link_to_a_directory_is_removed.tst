#! testgam extended
# When the link goes the monitored directory is Deleted, and what happens in the target is nobody's business;
# when the link returns it is Created with its entries (original.md 4.3; D34).
mkdir t
mkfile t/a
link t l
connect
mondir l
rmfile l
mkfile t/b
link t l
mkfile t/c
