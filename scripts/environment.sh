#!/bin/sh
# Makes the virtual environment given as $1 from requirements.lock, every file checked against its hash.
set -eu
venv=$1
python=$(command -v python3.11 || command -v python3)
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "outcrop needs Python 3.11 or newer; found $("$python" --version)" >&2; exit 2; }

rm -rf "$venv"
"$python" -m venv "$venv"
echo "Installing the locked dependencies (first time only, about a minute) ..."
if command -v uv >/dev/null 2>&1; then uv=uv
elif "$venv/bin/pip" install --quiet uv 2>/dev/null; then uv="$venv/bin/uv"
else uv=
fi
if [ -n "$uv" ]; then
    "$uv" pip install --quiet --compile-bytecode --python "$venv/bin/python" --require-hashes -r requirements.lock
    "$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
else
    "$venv/bin/pip" install --quiet --require-hashes -r requirements.lock
    "$venv/bin/pip" install --quiet --no-deps --no-build-isolation -e .
fi
