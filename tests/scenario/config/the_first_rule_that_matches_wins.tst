#! testgam extended
# Of rules that match the first counts, so an exception stands before its rule.
server gaminrc "notify $DIR/t/prompt"
server gaminrc "poll $DIR/t/*"
mkdir t
mkdir t/prompt
mkdir t/slow
connect
mondir t/prompt
mondir t/slow
churn t/prompt 1
churn t/slow 1
