#!/bin/sh
# Archive one file of PostgreSQL's log: archive_command = 'sh /path/archive-wal.sh %p /archive/%f'
#
# PostgreSQL removes a file of its log as soon as this ends with 0, so by then it is on the disk under
# its own name, whole. A file that is there already is not overwritten: the same again is done, another
# one of its name is a mistake (two servers with one archive), and PostgreSQL keeps its file and asks
# again.
set -eu
if [ -e "$2" ]; then
    exec cmp -s "$1" "$2"
fi
# dd, and not cp: conv=fsync waits for the disk.
dd if="$1" of="$2.unfinished" bs=1048576 conv=fsync 2>/dev/null
mv "$2.unfinished" "$2"
sync "$(dirname "$2")"
