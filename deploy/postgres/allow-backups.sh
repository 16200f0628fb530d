#!/bin/sh
# Let the role that backs up copy the server, from this machine's networks alone. Run once, in the
# container that makes the database: /docker-entrypoint-initdb.d/allow-backups.sh
set -eu
echo 'host replication valor_backup samenet scram-sha-256' >> "$PGDATA/pg_hba.conf"
