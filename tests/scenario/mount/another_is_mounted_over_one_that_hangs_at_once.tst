#! testgam extended
# A mount that does not answer is covered by one that does before anybody gave it up: who has just begun to wait for the first waits no
# longer.
mkdir share
fault mount share fuse.sshfs
connect
fault hang share
suspend
together
monfile share/a
wait 100
fault mount share fuse.sshfs
wait 100
pending
end
resume
converged
