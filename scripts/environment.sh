#!/bin/sh
# Makes the virtual environment given as $1 from requirements.lock, every file checked against its hash:
# with uv where it can be had (seconds), else with pip (a minute).
set -eu
venv=$1
python=$(command -v python3.11 || command -v python3)
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "outcrop needs Python 3.11 or newer; found $("$python" --version)" >&2; exit 2; }

with_uv() {
    uv=$(command -v uv) || { "$venv/bin/pip" install --quiet uv 2>/dev/null && uv=$venv/bin/uv; } || return 1
    "$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r requirements.lock
}

echo "Installing the locked dependencies (first time only, about a minute) ..."
rm -rf "$venv"
"$python" -m venv "$venv"
with_uv || "$venv/bin/pip" install --quiet --require-hashes -r requirements.lock
"$venv/bin/pip" install --quiet --no-deps --no-build-isolation -e .
