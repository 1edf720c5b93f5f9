#!/usr/bin/env bash
# Writes random passwords and tokens for docker compose where there are none yet. Nothing that exists is changed.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 077

random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

if [ ! -e .env ]; then
  printf 'RABBITMQ_PASSWORD=%s\nGRAFANA_PASSWORD=%s\n' "$(random)" "$(random)" > .env
  echo 'wrote .env'
fi

if [ ! -e deploy/secrets/http-tokens ]; then
  metrics="$(random)"
  printf 'viewer:%s\nviewer:%s\noperator:%s\npublisher:%s\n' "$metrics" "$(random)" "$(random)" "$(random)" \
    > deploy/secrets/http-tokens
  printf '%s' "$metrics" > deploy/secrets/metrics-token
  # Containers read them as users of their own.
  chmod 644 deploy/secrets/http-tokens deploy/secrets/metrics-token
  chmod 700 deploy/secrets
  echo 'wrote deploy/secrets/http-tokens: the first token is for Prometheus, the second for viewers'
fi
