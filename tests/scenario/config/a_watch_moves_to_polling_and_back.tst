#! testgam extended
# To polling and back: changes made while the rules change are told. The mandatory file comes to be while the server runs.
server mandatory-gaminrc "# none yet"
mkdir t
connect
mondir t
server gaminrc "poll $DIR/t"
together
mkfile t/a
server mandatory-gaminrc "notify $DIR/t"
mkfile t/b
end
converged
churn t 1
together
rmfile t/a
server mandatory-gaminrc "# nothing new"
append t/b
end
converged
