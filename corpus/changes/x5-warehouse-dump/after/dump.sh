#!/usr/bin/env bash
set -eu

: "${BUCKET:=warehouse-in}"
day=$(date -u +%F)
target="s3://$BUCKET/shop/$day.sql.gz"

# big tables that the warehouse does not use
skip=(audit_log http_sessions search_cache)
args=()
for table in "${skip[@]}"; do
  args+=("--ignore-table=shop.$table")
done

started=$SECONDS
mysqldump --single-transaction --quick "${args[@]}" shop | gzip -6 | aws s3 cp --only-show-errors - "$target"

aws s3api put-object-tagging --bucket "$BUCKET" --key "shop/$day.sql.gz" \
  --tagging 'TagSet=[{Key=source,Value=replica},{Key=complete,Value=yes}]'
echo "wrote $target in $((SECONDS - started)) s"
