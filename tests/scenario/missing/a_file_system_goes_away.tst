#! testgam extended
# A file system is mounted over a directory that is monitored then, and goes: what was on it is gone, what it covered is there.
mkdir d
mkfile d/covered
fault mount d
mkfile d/a
connect
mondir d
fault unmount d
converged
