#! testgam extended
# A listing shows the directory as it is; what led to it is no news (original.md 8.9).
mkdir t
connect
together
  mkfile t/a
  append t/a
  mkfile t/b
  rmfile t/b
  mondir t
end
