#! testgam extended
# In a monitored directory a link is an entry like any other: changes of its target are no news, whether it
# leads outside or beside it (original.md 4.2, 8.6).
mkdir t
mkfile f
mkfile t/a
link ../f t/outside
link a t/beside
link nothing t/dangling
connect
mondir t
append f
rmfile f
mkfile f
append t/a
