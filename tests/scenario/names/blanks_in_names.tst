#! testgam extended
# A name may begin, end and consist of blanks.
mkdir "a dir"
mkfile "a dir/ "
connect
mondir "a dir"
mkfile "a dir/one two"
append "a dir/one two"
rmfile "a dir/ "
