#! testgam extended
# Links are Created and Deleted like files, dangling ones too; one replaced by another is Changed.
mkdir t
connect
mondir t
link nothing t/l
link nobody t/l2
move t/l2 t/l
rmfile t/l
