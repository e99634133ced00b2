#! testgam extended
# In a pattern * stands for slashes too: all that is below is meant, at any depth, and not the directory itself.
server gaminrc "poll $DIR/t/*"
mktree t 2
connect
mondir t
mondir t/directory
mondir t/directory/directory
churn t 1
churn t/directory 1
churn t/directory/directory 1
