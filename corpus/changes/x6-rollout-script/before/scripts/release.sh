#!/usr/bin/env bash
set -euo pipefail

tag=$1
image="registry.internal/edge/gateway:$tag"

docker build -t "$image" .
docker push "$image"
kubectl -n edge set image deployment/gateway gateway="$image"
