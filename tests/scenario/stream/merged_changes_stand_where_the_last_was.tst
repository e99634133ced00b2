#! testgam extended
# Changes of one name are merged, and stand where the last of them was made (BEHAVIOUR 0.8, 0.9).
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
