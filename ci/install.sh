#!/usr/bin/env bash
# Installs this checkout of pullproof into a venv of its own, with every dependency pinned by its hash.
#   PULLPROOF_SOURCE  the checkout        PULLPROOF_VENV  where to        PULLPROOF_PYTHON  by which Python
set -euo pipefail
"${PULLPROOF_PYTHON:-python3}" -m venv "$PULLPROOF_VENV"
python=$PULLPROOF_VENV/bin/python constraints=$PULLPROOF_SOURCE/constraints.txt
pip=("$python" -m pip install -q --disable-pip-version-check)
pinned=$(mktemp)
trap 'rm -f "$pinned"' EXIT
"$python" "$PULLPROOF_SOURCE/docker/runtime_requirements.py" "$constraints" >"$pinned"
sed -n '/^setuptools==/,/^[^ ]*==/{/^ \|^setuptools==/p}' "$constraints" | grep -v '^ *#' >>"$pinned"
"${pip[@]}" --no-deps --require-hashes -r "$pinned"
"${pip[@]}" --no-deps --no-build-isolation "$PULLPROOF_SOURCE"
