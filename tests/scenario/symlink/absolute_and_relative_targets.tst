#! testgam extended
# A target that begins with a slash is taken as it stands, any other from where the link is, `..` included.
mkdir t
mkdir u
mkfile f
link $DIR/f t/absolute
link ../f t/relative
link ../u/../f t/winding
connect
monfile t/absolute
monfile t/relative
monfile t/winding
append f
