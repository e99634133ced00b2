#! testgam extended
# Whatever slashes and dots a file's path has, it is told with them, and heard of (original.md 8.2; D35).
mkdir t
mkfile t/a
connect
monfile t//a
monfile ./t/./a
append t/a
rmfile t/a
mkfile t/a
