#! testgam extended
# A rule is about the path as the client spells it: not about the place to which it leads.
server gaminrc "poll $DIR/link"
mkdir t
link t link
connect
mondir link
mondir t
churn t 1
mkfile t/a
