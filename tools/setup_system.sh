#!/usr/bin/env bash
# Install what the product can do without and its tests use: redis-server, and tesseract with Korean for text in pictures.
set -euo pipefail

if ! command -v redis-server >/dev/null && [ -z "${DESKLORE_TEST_REDIS_URL:-}" ]; then
  redis_hint="Tests that need Redis are skipped. Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis; or set DESKLORE_TEST_REDIS_URL"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing redis-server ..."
    { DEBIAN_FRONTEND=noninteractive apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null; } \
      || echo "redis-server could not be installed. $redis_hint" >&2
  else
    echo "redis-server is not installed. $redis_hint" >&2
  fi
fi

if command -v tesseract >/dev/null && tesseract --list-langs 2>/dev/null | grep -qx kor; then exit 0; fi

hint="Text in pictures is not read without it, and its tests are skipped. Debian, Ubuntu: apt-get install tesseract-ocr tesseract-ocr-kor; macOS: brew install tesseract tesseract-lang"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing tesseract with Korean ..."
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -qq && apt-get install -y -qq --no-install-recommends tesseract-ocr tesseract-ocr-kor >/dev/null; then exit 0; fi
  echo "tesseract could not be installed. $hint" >&2
else
  echo "tesseract with Korean is not installed. $hint" >&2
fi
