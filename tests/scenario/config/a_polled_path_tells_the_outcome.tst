#! testgam extended
# A poll rule: what comes and goes between two looks is not seen, what stays is told. A path beside it is left to the kernel.
server gaminrc "poll $DIR/polled"
mkdir polled
mkdir other
connect
mondir polled
mondir other
churn polled 1
churn other 1
mkfile polled/stays
append polled/stays
rmfile polled/stays
