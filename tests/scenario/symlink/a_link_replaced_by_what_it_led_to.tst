#! testgam extended
# A link gives way to the very directory that it led to: the path goes once and comes once, and is heard on.
mkdir t
mkfile t/a
link t l
connect
mondir l
together
  rmfile l
  move t l
end
converged
mkfile l/b
