#! testgam extended
# What was asked before FAMNoExists is listed in full (original.md 4.7).
mkdir t
mkfile t/a
connect
together
  mondir t
  noexists
  mondir t
end
mkfile t/b
