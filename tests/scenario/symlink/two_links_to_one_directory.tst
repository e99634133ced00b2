#! testgam extended
# Two requests that lead to the same directory by different links each have their own spelling.
mkdir t
link t l1
link $DIR/t l2
connect
mondir l1
mondir l2
mondir t
mkfile t/a
rmfile l1
rmfile t/a
mkfile t/b
rmtree t
