#! testgam extended
# Request and cancel in one breath: whatever of the listing comes, the Acknowledge comes once, last, and the
# connection goes on (original.md 2.6). The client library drops what is told of a cancelled request.
mkdir t
mkfiles t 200
mkdir u
connect
together
  mondir t
  cancel 0
end
mondir u
mkfile t/a
mkfile u/b
