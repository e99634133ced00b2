#! testgam extended
# Two files change places, and the one that came is written at once. The kernel tells that it came, that the other went, and that it was
# written: it is there, though what went was the last to be told of its name. (All of it is read at once.)
mkdir d
mkfile a
mkfile d/a
link d/a l
connect
monfile l
together
fault delay 5
exchange a d/a
append d/a x
end
converged
