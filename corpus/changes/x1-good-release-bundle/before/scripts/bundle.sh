#!/usr/bin/env bash
set -euo pipefail

version=$1
mkdir -p dist
tar -czf "dist/reporter-$version.tar.gz" bin lib README.md
