#! testgam extended
# What happens to the attributes of the monitored directory is not told on a directory request
# (original.md 4.3, 8.5; D33).
mkdir t
connect
mondir t
chmod t 700
touch t 1000000000
chmod t 755
mkfile t/a
converged
