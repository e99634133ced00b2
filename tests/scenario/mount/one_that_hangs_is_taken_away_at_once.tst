#! testgam extended
# A mount that does not answer is taken away before anybody gave it up: who has just begun to wait for it waits no longer.
mkdir share
mkfile share/below
fault mount share nfs
connect
fault hang share
suspend
together
monfile share/below
wait 100
fault unmount share
wait 100
pending
end
resume
converged
