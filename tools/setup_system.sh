#!/usr/bin/env bash
# Install the programs that tests use and this machine lacks: by apt as root, else say what is missing and what goes without it.
set -euo pipefail

missing=()
without=()

need() { # need "what goes without it" package...
  without+=("$1")
  missing+=("${@:2}")
}

has_korean_ocr() { command -v tesseract >/dev/null && tesseract --list-langs 2>/dev/null | grep -qx kor; }
has_browser() { [ -n "${CHROMIUM:-}" ] || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
has_redis() { [ -n "${DESKLORE_TEST_REDIS_URL:-}" ] || command -v redis-server >/dev/null; }
has_postgresql() { [ -n "${DESKLORE_TEST_POSTGRES_URL:-}" ] || command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; }

has_korean_ocr || need "text in pictures is not read" tesseract-ocr tesseract-ocr-kor
has_browser || need "pages are not looked at in a browser" chromium fonts-nanum
has_redis || need "Redis and workers are not tested (or name a server whose databases may be emptied: DESKLORE_TEST_REDIS_URL)" redis-server
has_postgresql || need "PostgreSQL is not tested (or name a server and its superuser: DESKLORE_TEST_POSTGRES_URL)" postgresql

[ ${#missing[@]} -gt 0 ] || exit 0

tell() {
  printf 'Not installed: %s. Without them their tests are skipped: %s.\n' "${missing[*]}" "$(IFS=';'; echo "${without[*]}")" >&2
  echo "Debian, Ubuntu: apt-get install ${missing[*]}" >&2
}

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "Installing ${missing[*]} ..."
  export DEBIAN_FRONTEND=noninteractive
  if apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then exit 0; fi
  echo "That did not succeed." >&2
fi
tell
