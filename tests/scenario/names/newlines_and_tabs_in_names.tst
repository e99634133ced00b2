#! testgam extended
# Newline, tab and carriage return are characters of a name; a transcript shows each event on one line.
mkdir "t\nt"
connect
mondir "t\nt"
mkfile "t\nt/a\nb"
mkfile "t\nt/\t"
mkfile "t\nt/\x0d"
rmfile "t\nt/a\nb"
