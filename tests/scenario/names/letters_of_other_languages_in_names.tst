#! testgam extended
# UTF-8 in names is shown as it is, composed and decomposed letters are different names.
mkdir t
connect
mondir t
mkfile t/grün
mkfile "t/gru\xcc\x88n"
mkfile t/日本語
rmfile t/grün
