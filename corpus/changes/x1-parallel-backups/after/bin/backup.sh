#!/usr/bin/env bash
set -uo pipefail

root=${BACKUP_ROOT:-/var/backups/pg}
list=${DATABASES:-/opt/pgbackup/etc/databases}
stamp=$(date -u +%Y%m%dT%H%M%SZ)

log() {
  printf '%s %s\n' "$(date -u +%H:%M:%S)" "$*"
}

dump() {
  local db=$1 dir="$root/$1"
  mkdir -p "$dir"
  log "start $db"
  pg_dump --format=custom --compress=6 --file="$dir/$stamp.dump" "$db"
  log "end $db"
}

while read -r db; do
  dump "$db" &
done <"$list"
wait

# the disk holds one set only: the newest dump of each database stays
while read -r db; do
  ls -1t "$root/$db"/*.dump | tail -n +2 | xargs -r rm -f --
done <"$list"

log "done: $(du -sh "$root" | cut -f1)"
