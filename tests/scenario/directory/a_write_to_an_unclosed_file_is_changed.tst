#! testgam extended
# A writer need not close its file to be reported (original.md 8.8). Its close is then nothing new.
mkdir t
mkfile t/log
connect
mondir t
open t/log
write-open t/log line
write-open t/log line
close t/log
converged
