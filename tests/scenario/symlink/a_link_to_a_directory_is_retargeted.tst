#! testgam extended
# A link that is replaced in one step by one to another directory: told is what differs between the entries
# of the two, and an entry of the same name is another file, so it has Changed.
mkdir t
mkfile t/a
mkfile t/b
mkdir u
mkfile u/b
mkfile u/c
link t l
link u l2
connect
mondir l
move l2 l
mkfile t/d
mkfile u/e
