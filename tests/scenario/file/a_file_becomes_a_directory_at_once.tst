#! testgam extended
# However fast a directory takes the place of a file, the one was Deleted and the other Created.
mkfile a
connect
monfile a
together
rmfile a
mkdir a
end
mkfile a/entry
converged
