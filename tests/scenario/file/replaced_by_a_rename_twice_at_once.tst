#! testgam extended
# Of replacements without pause the last one is told; how many Changed they are nobody promises (original.md 8.8).
write a text
connect
monfile a
quietly
together
replace a two
replace a three
end
expect-any 1 $DIR/a Changed
end
converged
