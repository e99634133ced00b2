#! testgam extended
# Order of the files: the mandatory one, the user's, the system's (original.md 8.12).
server system-gaminrc "poll $DIR/*"
server gaminrc "notify $DIR/t"
mkdir t
mkdir u
connect
mondir t
mondir u
churn t 1
churn u 1
