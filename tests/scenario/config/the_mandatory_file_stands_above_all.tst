#! testgam extended
# The administrator's mandatory file overrides what the user prefers (D22).
server mandatory-gaminrc "poll $DIR/t"
server gaminrc "notify $DIR/*"
mkdir t
mkdir u
connect
mondir t
mondir u
churn t 1
churn u 1
