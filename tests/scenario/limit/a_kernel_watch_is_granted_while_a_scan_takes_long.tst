#! testgam extended
# A path's directory is refused to it just before a scan that takes long, and granted to another path meanwhile. What came
# to be in between, of which the kernel told nobody, is told.
connect
suspend
fault refuse . 1 limit
fault slow-scan 2000
monfile l
wait 500
write l text
monfile a
wait 1000
resume
converged
