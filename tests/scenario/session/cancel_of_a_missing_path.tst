#! testgam extended
# A request on a path that does not exist is cancelled like any other, and its appearance is no event.
connect
mondir t/missing
monfile u
cancel 0
cancel 1
mkdir t
mkdir t/missing
mkfile u
