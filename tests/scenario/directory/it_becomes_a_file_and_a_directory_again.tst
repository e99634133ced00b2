#! testgam extended
# To a directory request a file is as good as nothing: Deleted when one takes the directory's place, Created when
# a directory is back (original.md 4.3, 8.4).
mkdir t
connect
mondir t
together
rmdir t
mkfile t
end
append t
rmfile t
mktree t 0
converged
