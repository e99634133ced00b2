#! testgam extended
# A name is bytes, not text: what is no UTF-8 is told unharmed (original.md 4.1).
mkdir "t\xff"
mkfile "t\xff/\xc3"
connect
mondir "t\xff"
mkfile "t\xff/\x80\xfe"
mkfile "t\xff/\x01\x7f"
move "t\xff/\xc3" "t\xff/\xc3\xa4"
monfile "t\xff/\xc3"
