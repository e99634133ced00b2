#! testgam extended
# However an editor saves, the document is told as changed or as gone and back again, and in the end what was told is what is there.
mkdir w
write w/doc "one"
connect
mondir w
monfile w/doc
# JetBrains "safe write": temporary file, the old one is put aside, the new one takes the name, the old one is removed.
write w/doc___jb_tmp___ "two"
move w/doc w/doc___jb_old___
move w/doc___jb_tmp___ w/doc
rmfile w/doc___jb_old___
converged
# Emacs: a dangling link as lock, an auto-save file, backup by rename, then the name is written anew.
link someone@host.example.4242:1700000000 w/.#doc
write w/#doc# "thr"
move w/doc w/doc~
write w/doc "three"
rmfile w/#doc#
rmfile w/.#doc
converged
# Vim: a probe, swap file, backup, rename.
mkfile w/4913
rmfile w/4913
write w/.doc.swp "b0VIM"
move w/doc w/doc~
write w/doc "four"
chmod w/doc 644
rmfile w/doc~
rmfile w/.doc.swp
converged
# VS Code: truncates and writes in place; then without anything new.
rewrite w/doc "five"
rewrite w/doc "five"
converged
# LibreOffice: lock file; new content under a temporary name, exchanged.
mkfile w/.~lock.doc#
write w/lu1.tmp "six"
exchange w/lu1.tmp w/doc
rmfile w/lu1.tmp
rmfile w/.~lock.doc#
converged
