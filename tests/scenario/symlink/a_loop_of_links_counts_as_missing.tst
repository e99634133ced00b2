#! testgam extended
# A link that leads to itself leads nowhere; once the loop is broken the path appears.
link b a
link a b
connect
monfile a
mondir a
rmfile b
mkdir b
mkfile b/x
