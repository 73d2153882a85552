#!/usr/bin/env bash
set -euo pipefail

day=$(date -u +%F)
file="/srv/dump/shop-$day.sql.gz"

mysqldump --single-transaction --quick shop | gzip >"$file.part"
# mysqldump writes this line last
zcat "$file.part" | tail -n 1 | grep -q '^-- Dump completed'
mv "$file.part" "$file"
aws s3 cp --only-show-errors "$file" "s3://warehouse-in/shop/$day.sql.gz"
