#! testgam extended
# Where the kernel refuses every watch everything is polled, and nobody notices (D18).
server watches 0
mkdir t
mkfile t/a
connect
mondir t
monfile t/a
monfile u/v
append t/a
mkfile t/b
mkdir u
mkfile u/v
rmtree u
