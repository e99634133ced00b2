#! testgam extended
# Who truncates, writes and closes a file has changed it once (original.md 8.8). The server sleeps meanwhile, as
# a writer that takes more than 5 ms may be told twice.
mkdir t
write t/a text
connect
mondir t
server stop
rewrite t/a other
server continue
converged
