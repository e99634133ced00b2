#! testgam extended
# A directory that is polled has become a link onto a mount that does not answer when it is looked at again: that holds up nobody else.
server gaminrc "poll $DIR/d/*"
mkdir share
fault mount share nfs
mkfile share/f
mkdir d
mkdir d/s
mkfile d/s/f
connect
mondir d/s
mondir .
fault hang share
together
rmtree d/s
link ../share d/s
end
mkfile x
wait 2000
mkfile y
fault answer share
converged
