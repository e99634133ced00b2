#! testgam extended
# A link to a directory is gone, and there again. What came and went in the directory meanwhile was never to be seen over the link,
# so only what is left is told.
mkdir d
write d/x one
link d l
connect
mondir l
together
rmfile l
save d/a text
rmfile d/x
link d l
end
converged
