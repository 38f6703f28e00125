#!/usr/bin/env bash
# Print deploy/compose/.env.example with a secret of its own for everything that is empty: deploy/compose/make-env.sh > deploy/compose/.env
set -euo pipefail
umask 077
cd "$(dirname "$0")"

random_hex() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

while IFS= read -r line; do
  case $line in
    S3_ACCESS_KEY_ID=) echo "$line$(random_hex 10)" ;;
    DESKLORE_MASTER_KEYS=) echo "${line}k1:$(head -c 32 /dev/urandom | base64)" ;;
    [A-Z]*=) echo "$line$(random_hex 32)" ;;
    *) echo "$line" ;;
  esac
done <.env.example
