#! testgam extended
# Who asks for a path that leads over a link onto a mount that does not answer has the server's loop touch it as little.
mkdir share
fault mount share nfs
mkdir share/a
link share l
fault hang share
connect
mondir l/a
mondir .
mkfile x
fault answer share
converged
