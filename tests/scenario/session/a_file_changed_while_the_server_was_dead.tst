#! testgam extended
# Server killed: a monitored file that was written meanwhile is Changed, another is not mentioned (D9).
mkfile a
mkfile b
connect
monfile a
monfile b
server kill
append a
server start
append b
