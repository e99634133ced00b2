#! testgam extended
# A file written every 100 ms for 5 s gives fewer than 12 Changed, the last write among them. The one truncate, write and close of its
# neighbour meanwhile is exactly one Changed.
# To the millisecond, and so in the simulated world alone; `cargo bench -p testgam --bench busy` measures the same in the real one.
fault clock 0
mkdir t
mkfile t/busy
mkfile t/neighbour
connect
mondir t
client other
connect
monfile t/neighbour
expect 2
client main
quietly
together
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
rewrite t/neighbour new
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
append t/busy
wait 100
end
end
client other
expect-event 1 $DIR/t/neighbour Changed
expect none
client main
expect below 17
converged
