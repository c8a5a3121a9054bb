#!/usr/bin/env bash
# clang-tidy on the source files that changed since a revision (committed or not).
#
# usage: packaging/tidy_changed.sh BUILD_FOLDER BASE_REVISION
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 base=$2
git rev-parse --verify --quiet "$base^{commit}" >/dev/null || { echo "tidy: no revision $base; nothing checked"; exit 0; }
mapfile -t changed < <(git diff --name-only --diff-filter=d "$base" -- '*.cpp')
[ ${#changed[@]} -gt 0 ] || { echo "tidy: no source file changed since $base"; exit 0; }
printf '%s\n' "${changed[@]}" | xargs -P "$(nproc)" -n 1 clang-tidy-19 -p "$build" --quiet --warnings-as-errors='*'
echo "tidy: ${#changed[@]} files clean"
