#! testgam extended
# A path that was missing may go and come as often as it likes (original.md 8.3, 8.7).
connect
mondir p/t
mkdir p
mktree p/t 0
rmtree p/t
rmdir p
mktree p 0
mkdir p/t
rmtree p/t
mkdir p/t
mkfile p/t/a
converged
