#! testgam extended
# A polled path that is missing is looked for, at any depth; and it comes and goes like others.
server gaminrc "poll $DIR/p*"
connect
mondir p/q
monfile p/q/f
mkdir p
mkdir p/q
mkfile p/q/f
append p/q/f
rmtree p
converged
