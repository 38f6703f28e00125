#!/usr/bin/env bash
# Install the one system program that reading text from pictures needs: tesseract with Korean. Everything else works without it.
set -euo pipefail

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
