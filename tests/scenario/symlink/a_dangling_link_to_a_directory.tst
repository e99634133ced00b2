#! testgam extended
# A directory request on a link to nothing: when a directory appears where it points it is Created, with its
# entries (BEHAVIOUR 0.4, 0.6).
link u/v l
connect
mondir l
mktree u 0
mkdir u/v
mkfile u/v/a
rmtree u
mktree u 0
