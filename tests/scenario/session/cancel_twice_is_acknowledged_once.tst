#! testgam extended
# A second cancel before the Acknowledge was read does no harm: the connection lives and its other requests
# go on (D15).
mkdir t
mkdir u
connect
mondir t
mondir u
together
  cancel 0
  cancel 0
end
mkfile t/a
mkfile u/b
