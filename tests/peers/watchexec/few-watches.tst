#! testgam extended
# testgam --world watchexec tests/peers/watchexec/few-watches.tst
server watches 3
connect
mktree d 2
suspend
moncollection . 99 *
mkfile last
mkfile d/directory/directory/last
resume
converged
