#!/usr/bin/env bash
set -euo pipefail

if [[ $# -ne 1 || ! $1 =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]; then
  echo "usage: $0 MAJOR.MINOR.PATCH" >&2
  exit 2
fi
version=$1
name="reporter-$version"

cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT

mkdir -p "$work/$name" dist
cp -R bin lib README.md "$work/$name/"
printf '%s\n' "$version" >"$work/$name/VERSION"

# the same input gives the same bytes
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner \
  --mtime='2024-01-01T00:00:00Z' -cf - "$name" | gzip -n >"$work/$name.tar.gz"

mv -- "$work/$name.tar.gz" "dist/$name.tar.gz"
(cd dist && sha256sum "$name.tar.gz" >"$name.tar.gz.sha256")
echo "dist/$name.tar.gz"
