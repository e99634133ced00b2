#! testgam extended
# What happened before a cancel may be told or not; the Acknowledge comes after it, and is the last
# (original.md 8.9; D16).
mkdir t
connect
mondir t
monfile f
together
  mkfile t/a
  mkfile f
  cancel 0
  mkfile t/b
  append f
  cancel 1
  mkfile t/c
end
mkfile t/d
append f
