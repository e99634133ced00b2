#! testgam extended
# A path leads over a link in a directory over which something is mounted, and what it led to changes before anybody has heard of
# that: it is not told, since the path led there no more.
connect
mkdir d
mkdir e
link ../e d/a
mondir d/a
together
fault mount d
churn e 1
end
converged
