#! testgam extended
# A monitored directory whose attributes change just before it is removed and made again goes once and comes
# once (original.md 8.3).
mkdir t
connect
mondir t
server stop
chmod t 700
rmdir t
mkdir t
mkfile t/b
server continue
