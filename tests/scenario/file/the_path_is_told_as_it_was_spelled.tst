#! testgam extended
# Whatever slashes and dots a file's path has, it is told with them, and heard of (BEHAVIOUR 0.2; the original: D35).
mkdir t
mkfile t/a
connect
monfile t//a
monfile ./t/./a
append t/a
rmfile t/a
mkfile t/a
