#!/bin/sh
# incron: a daemon of its own, with a table that has each event of the directory printed. Its commands write where the daemon does.
dir=$1 home=$2
mkdir "$home/users" "$home/system"
echo "$dir IN_CREATE,IN_DELETE,IN_MOVE,IN_MODIFY,IN_ATTRIB echo \$% \$#" >"$home/system/table"
printf 'system_table_dir = %s/system\nuser_table_dir = %s/users\nlockfile_dir = %s\nlockfile_name = pid\n' "$home" "$home" "$home" >"$home/conf"
exec incrond -n -f "$home/conf"
