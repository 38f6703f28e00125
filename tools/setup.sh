#!/usr/bin/env bash
# Make .venv hold exactly what a lock names: `tools/setup.sh runtime` or `tools/setup.sh dev`.
# A stamp keyed by the locks' hashes makes every later call return at once.
set -euo pipefail
cd "$(dirname "$0")/.."

kind=${1:?say runtime or dev}
case $kind in
  runtime) lock=requirements.lock ;;
  dev) lock=requirements-dev.lock ;;
  *) echo "tools/setup.sh: unknown set '$kind'; say runtime or dev" >&2; exit 2 ;;
esac

stamp_of() { cat "$1" requirements-uv.lock | sha256sum | cut -d' ' -f1; }
fresh() { [ -x .venv/bin/python ] && [ "$(cat ".venv/.installed-$1" 2>/dev/null)" = "$(stamp_of "$2")" ]; }

if fresh "$kind" "$lock"; then exit 0; fi

# Two calls at once (make run and make test in two shells) must not install into one folder side by side.
if command -v flock >/dev/null; then
  exec 9<tools/setup.sh
  flock 9
  if fresh "$kind" "$lock"; then exit 0; fi
fi

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  echo "Desklore needs Python 3.11 to 3.14, and none was found. Install one, or name it: PYTHON=/path/to/python3.11 make run" >&2
  exit 1
}

make_venv() {
  if "$1" -m venv .venv 2>/dev/null; then return; fi
  # Debian and Ubuntu keep ensurepip in a package of its own.
  rm -rf .venv
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    local version
    version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    echo "Installing python$version-venv, which this Python needs to make a virtual environment ..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$version-venv" >/dev/null
    "$1" -m venv .venv
  else
    echo "This Python can't make a virtual environment. Install its venv package (Debian, Ubuntu: sudo apt-get install python3-venv), then try again." >&2
    exit 1
  fi
}

install_with_uv() {
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.lock || return 1
  # uv does not read pip's settings: hand it the package index this machine was given for pip, if any.
  local index
  index=$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)
  UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-$index}}
  if [ -n "$UV_DEFAULT_INDEX" ]; then export UV_DEFAULT_INDEX; else unset UV_DEFAULT_INDEX; fi
  .venv/bin/uv pip install --quiet --no-config --compile-bytecode --python .venv/bin/python --require-hashes -r "$lock"
}

install_with_pip() {
  echo "uv could not install; trying pip, which takes longer ..." >&2
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
}

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  echo "Making .venv ..."
  make_venv "$(find_python)"
fi
echo "Installing what $lock names (once; about a minute) ..."
install_with_uv || install_with_pip || {
  echo "The packages could not be installed: see the message above. A network with access to a Python package index is needed once." >&2
  exit 1
}
stamp_of "$lock" >".venv/.installed-$kind"
# What development needs includes what running needs.
if [ "$kind" = dev ]; then stamp_of requirements.lock >.venv/.installed-runtime; fi
