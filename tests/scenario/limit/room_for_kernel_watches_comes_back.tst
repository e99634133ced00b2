#! testgam extended
# Kernel watches that become free are used for what had none (D18). Nothing bogus is told then.
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
cancel 0
cancel 1
cancel 2
cancel 3
cancel 4
cancel 5
cancel 6
cancel 7
cancel 8
cancel 9
cancel 10
cancel 11
cancel 12
cancel 13
cancel 14
cancel 15
cancel 16
cancel 17
cancel 18
cancel 19
cancel 20
cancel 21
end
mkfile d22/a
mkfile d23/a
append d23/a
rmtree d23
mkdir d23
