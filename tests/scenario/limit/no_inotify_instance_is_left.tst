#! testgam extended
# Where inotify has no instance left the kernel is asked by fanotify, and nobody notices: by name, at once, and what has come and gone.
server instances 0
mkdir t
mkdir t/s
mkfile t/a
connect
mondir t
monfile t/a
monfile u/v
append t/a
mkfile t/b
mv t/b t/c
server stop
mkfile t/x
rmfile t/x
server continue
chmod t/s 700
rmdir t/s
mkdir u
mkfile u/v
rmtree u
rmtree t
mkdir t
mkfile t/d
