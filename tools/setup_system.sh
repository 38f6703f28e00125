#!/usr/bin/env bash
# Install the system programs that tests need: tesseract with Korean, which reads text in pictures, and PostgreSQL.
# Desklore works without them; what needs a missing one is skipped, and says so.
set -euo pipefail

has_tesseract() { command -v tesseract >/dev/null && tesseract --list-langs 2>/dev/null | grep -qx kor; }
has_postgresql() { [ -n "${DESKLORE_TEST_POSTGRES_URL:-}" ] || command -v initdb >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; }

install() { # what it is, what is lost without it, the hint, packages
  local what=$1 lost=$2 hint=$3
  shift 3
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $what ..."
    export DEBIAN_FRONTEND=noninteractive
    if apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@" >/dev/null; then return; fi
    echo "$what could not be installed. $lost $hint" >&2
  else
    echo "$what is not installed. $lost $hint" >&2
  fi
}

has_tesseract || install "tesseract with Korean" "Text in pictures is not read without it, and its tests are skipped." \
  "Debian, Ubuntu: apt-get install tesseract-ocr tesseract-ocr-kor; macOS: brew install tesseract tesseract-lang" \
  tesseract-ocr tesseract-ocr-kor
has_postgresql || install "PostgreSQL" "Its tests are skipped without it." \
  "Debian, Ubuntu: apt-get install postgresql; macOS: brew install postgresql; or name a server and its superuser: DESKLORE_TEST_POSTGRES_URL" \
  postgresql
