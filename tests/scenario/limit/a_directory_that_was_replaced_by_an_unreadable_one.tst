#! testgam extended
# Over a directory that is held open another is renamed, which may not be read. As soon as it may be, what happens in it is told.
mkdir d
mkdir e
server unprivileged
connect
mondir d
converged
hold d
chmod e 000
move e d
converged
chmod d 755
converged
mkfile d/a
converged
let-go d
converged
