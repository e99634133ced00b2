#! testgam extended
# When a link above several requests is retargeted each is told what that means for it.
mkdir one
mkdir one/t
mkfile one/t/a
mkdir two
mkdir two/t
mkfile two/t/b
link one now
link two next
connect
mondir now/t
monfile now/t/a
monfile now/t/b
move next now
