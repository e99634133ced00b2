#! testgam extended
# What a client asks while the server does not run is answered in order when it does.
mkdir t
connect
mondir t
server stop
mkfile t/a
cancel 0
mondir t
server continue
