#!/usr/bin/env bash
set -euo pipefail

if [[ $# -ne 1 ]]; then
  echo "usage: $0 TAG" >&2
  exit 2
fi

tag=$1
namespace=${NAMESPACE:-edge}
image="registry.internal/edge/gateway:$tag"

docker build --pull -t "$image" .
docker push "$image"

kubectl -n "$namespace" set image deployment/gateway gateway="$image"
kubectl -n "$namespace" annotate deployment/gateway --overwrite \
  kubernetes.io/change-cause="release $tag by $(whoami)"

if ! kubectl -n "$namespace" rollout status deployment/gateway --timeout=5m --fail-on-crashloop; then
  echo "the rollout of $tag failed, going back" >&2
  kubectl -n "$namespace" rollout undo deployment/gateway
  kubectl -n "$namespace" rollout status deployment/gateway --timeout=5m
  exit 1
fi

echo "gateway $tag is live"
