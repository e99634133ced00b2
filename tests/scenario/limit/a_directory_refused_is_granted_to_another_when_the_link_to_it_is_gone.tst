#! testgam extended
# The kernel refuses a directory to which a link leads, and grants it to somebody else when the link has become a file. Nothing of
# what happens in the directory is told to who asked for the link.
mkdir d
link . l
fault refuse . 5 denied
client a
connect
mondir l
client b
connect
together
replace l x
mondir d
wait 10
mkfile c
end
converged
