#! testgam extended
# Also a path of which nobody knows yet that it leads there does not wait for a mount that is covered by now.
mkdir share
link share l
fault mount share nfs
connect
fault hang share
together
mondir l
pending
fault mount share nfs
end
mkfile share/a
converged
