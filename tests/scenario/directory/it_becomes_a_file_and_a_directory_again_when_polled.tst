#! testgam extended
# To a directory request a file is as good as nothing (original.md 4.3, 8.4).
server pollonly
mkdir t
connect
mondir t
together
rmdir t
mkfile t
end
together
rmfile t
mktree t 0
end
converged
