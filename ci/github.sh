#!/usr/bin/env bash
# `pullproof check` as a step of GitHub Actions: annotations on the lines, a table in the step's summary, SARIF in a file.
set -uo pipefail
arguments=(-o github --fail-on "${PULLPROOF_FAIL_ON:-fail}")
[ -n "${GITHUB_STEP_SUMMARY:-}" ] && arguments+=(-o markdown --output "$GITHUB_STEP_SUMMARY")
[ -n "${PULLPROOF_SARIF:-}" ] && arguments+=(-o sarif --output "$PULLPROOF_SARIF")
[ -n "${PULLPROOF_BASELINE:-}" ] && arguments+=(--baseline "$PULLPROOF_BASELINE")
[ -n "${PULLPROOF_CHANGED_SINCE:-}" ] && arguments+=(--changed-since "$PULLPROOF_CHANGED_SINCE")
read -ra platforms <<<"${PULLPROOF_PLATFORM:-}"
for platform in "${platforms[@]}"; do arguments+=(--platform "$platform"); done
read -ra more <<<"${PULLPROOF_ARGS:-}"
read -ra paths <<<"${PULLPROOF_PATHS:-.}"
"$PULLPROOF_VENV/bin/pullproof" check "${arguments[@]}" "${more[@]}" -- "${paths[@]}"
code=$?
[ -n "${GITHUB_OUTPUT:-}" ] && echo "exit-code=$code" >>"$GITHUB_OUTPUT"
exit "$code"
