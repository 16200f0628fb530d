#!/bin/sh
# Archive one file of PostgreSQL's log: archive_command = 'sh /path/archive-wal.sh %p /archive/%f'
#
# PostgreSQL removes a file of its log as soon as this ends with 0, so by then it is on the disk under
# its own name, whole. A file that is there already is not overwritten: the same again is done, another
# one of its name is a mistake (two servers with one archive), and PostgreSQL keeps its file and asks
# again.
set -eu
if [ -e "$2" ]; then
    cmp -s "$1" "$2"
else
    # dd, and not cp: conv=fsync waits for the disk.
    dd if="$1" of="$2.unfinished" bs=1048576 conv=fsync 2>/dev/null
    mv "$2.unfinished" "$2"
fi
# Also of one that was there: whoever put it there may have been stopped before this.
sync "$(dirname "$2")"
