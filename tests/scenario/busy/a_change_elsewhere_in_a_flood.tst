#! testgam extended
# While changes keep coming in one directory, the kernel's queue is read every few milliseconds: what happens elsewhere is told by then.
fault clock 0
mkdir d
mkdir e
connect
mondir d
client b
connect
mondir e
suspend
client main
quietly
together
mkfile d/n0
wait 1
mkfile d/n1
wait 1
mkfile d/n2
wait 1
mkfile d/n3
wait 1
mkfile d/n4
wait 1
mkfile d/n5
wait 1
mkfile d/n6
wait 1
mkfile d/n7
wait 1
mkfile d/n8
wait 1
mkfile d/n9
wait 1
mkfile d/n10
wait 1
mkfile d/n11
wait 1
mkfile d/n12
wait 1
mkfile d/n13
wait 1
mkfile d/n14
wait 1
mkfile d/n15
wait 1
mkfile d/n16
wait 1
mkfile d/n17
wait 1
mkfile d/n18
wait 1
mkfile d/n19
wait 1
mkfile d/n20
wait 1
mkfile d/n21
wait 1
mkfile d/n22
wait 1
mkfile d/n23
wait 1
mkfile d/n24
wait 1
mkfile d/n25
wait 1
mkfile d/n26
wait 1
mkfile d/n27
wait 1
mkfile d/n28
wait 1
mkfile d/n29
wait 1
mkfile e/late
wait 100
client b
pending
end
end
resume
converged
