#! testgam extended
# A request begins with the present: the past of a path that others monitor is not repeated.
mkdir t
connect
mondir t
together
  mkfile t/a
  rmfile t/a
  mkfile t/b
  mondir t
end
