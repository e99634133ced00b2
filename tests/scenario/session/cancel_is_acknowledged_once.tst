#! testgam extended
# Cancel is answered by one Acknowledge that spells the path as it was asked for; then nothing is told of
# the request any more (original.md 1.4).
mkdir t
connect
mondir t/
cancel 0
mkfile t/a
rmfile t/a
rmdir t
expect-event 1 $DIR/t/ Exists
expect-event 1 $DIR/t/ EndExist
expect-event 1 $DIR/t/ Acknowledge
expect none
