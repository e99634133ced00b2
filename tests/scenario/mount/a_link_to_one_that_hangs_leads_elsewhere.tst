#! testgam extended
# A path that leads elsewhere by now does not wait any more for the mount that does not answer, to which it led.
mkdir share
mkdir here
fault mount share nfs
mkfile share/a
mkfile here/b
link share l
connect
mondir l
fault hang share
wait 7000
together
rmfile l
link here l
end
converged
mkfile here/c
converged
