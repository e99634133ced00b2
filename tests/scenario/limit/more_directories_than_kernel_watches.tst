#! testgam extended
# With room for twenty kernel watches only, the directories beyond are polled: every change is told (D18).
server watches 20
mkdir d00
mkdir d01
mkdir d02
mkdir d03
mkdir d04
mkdir d05
mkdir d06
mkdir d07
mkdir d08
mkdir d09
mkdir d10
mkdir d11
mkdir d12
mkdir d13
mkdir d14
mkdir d15
mkdir d16
mkdir d17
mkdir d18
mkdir d19
mkdir d20
mkdir d21
mkdir d22
mkdir d23
connect
quietly
mondir d00
mondir d01
mondir d02
mondir d03
mondir d04
mondir d05
mondir d06
mondir d07
mondir d08
mondir d09
mondir d10
mondir d11
mondir d12
mondir d13
mondir d14
mondir d15
mondir d16
mondir d17
mondir d18
mondir d19
mondir d20
mondir d21
mondir d22
mondir d23
end
quietly
mkfile d00/a
mkfile d01/a
mkfile d02/a
mkfile d03/a
mkfile d04/a
mkfile d05/a
mkfile d06/a
mkfile d07/a
mkfile d08/a
mkfile d09/a
mkfile d10/a
mkfile d11/a
mkfile d12/a
mkfile d13/a
mkfile d14/a
mkfile d15/a
mkfile d16/a
mkfile d17/a
mkfile d18/a
mkfile d19/a
mkfile d20/a
mkfile d21/a
mkfile d22/a
mkfile d23/a
end
converged
quietly
append d00/a
append d01/a
append d02/a
append d03/a
append d04/a
append d05/a
append d06/a
append d07/a
append d08/a
append d09/a
append d10/a
append d11/a
append d12/a
append d13/a
append d14/a
append d15/a
append d16/a
append d17/a
append d18/a
append d19/a
append d20/a
append d21/a
append d22/a
append d23/a
end
converged
mkfile d23/b
rmtree d23
mkdir d23
mkfile d00/b
