#! testgam extended
# The directory is monitored over a link in itself. When a file replaces the link, nothing in the directory is told any more.
mkdir d
mkfile d/b
link . d/l
connect
mondir d/l
quietly
together
append d/b
save d/l "text"
end
end
append d/b
converged
