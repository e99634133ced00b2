#! testgam extended
# Changes of one name are merged, and stand where the last of them was made (original.md 8.8, 8.9).
mkdir t
mkfile t/a
mkfile t/b
connect
mondir t
server stop
append t/a
append t/b
append t/b
append t/a
server continue
