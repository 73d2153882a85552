#!/usr/bin/env bash
set -euo pipefail

root=${BACKUP_ROOT:-/var/backups/pg}
list=${DATABASES:-/opt/pgbackup/etc/databases}
keep_days=30
stamp=$(date -u +%Y%m%dT%H%M%SZ)

while read -r db; do
  dir="$root/$db"
  mkdir -p "$dir"
  part="$dir/.$stamp.part"
  pg_dump --format=custom --file="$part" "$db"
  pg_restore --list "$part" >/dev/null
  mv "$part" "$dir/$stamp.dump"
  find "$dir" -name '*.dump' -mtime +"$keep_days" -delete
done <"$list"
