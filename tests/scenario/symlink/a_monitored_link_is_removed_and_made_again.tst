#! testgam extended
# When a monitored link is removed its path is gone, though the target is not (original.md 8.6; D34).
mkfile f
link f l
connect
monfile l
rmfile l
append f
link f l
append f
