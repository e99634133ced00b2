#! testgam extended
# What is mounted in a directory moves with it, of which the kernel says nothing: the server's loop does not touch it at its new place either.
mkdir d
mkdir d/share
fault mount d/share nfs
fault hang d/share
mkdir e
connect
mondir .
mondir e
together
rmdir e
move d e
end
mkfile x
fault answer e/share
converged
