#! testgam extended
# A directory request on a link to nothing: when a directory appears where it points it is Created, with its
# entries (original.md 8.4, 8.6).
link u/v l
connect
mondir l
mktree u 0
mkdir u/v
mkfile u/v/a
rmtree u
mktree u 0
