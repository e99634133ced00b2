#! testgam extended
# A file that was just created is closed once more and replaced in the same moment: the replacement is told.
mkdir d
connect
mondir d
mkfile d/a
together
append d/a ""
replace d/a "text"
end
converged
