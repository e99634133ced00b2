#! testgam extended
# When the target is renamed the link leads nowhere; when it comes back it is Created with its entries, also
# those of the time between.
mkdir t
link t l
connect
mondir l
move t t2
mkfile t2/a
move t2 t
mkfile t/b
