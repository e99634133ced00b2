#! testgam extended
# A name changes places with a file from elsewhere and is written at once: the kernel tells that the new one came before
# it tells that the old one went. How many steps of it are seen, nobody promises.
mkdir d
mkfile a
mkfile d/s
connect
mondir d
quietly
together
exchange a d/s
append d/s
end
end
converged
append d/s
