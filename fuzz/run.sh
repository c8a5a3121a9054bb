#!/usr/bin/env bash
# Runs every fuzz target from its corpus; new inputs go to build/fuzz/corpus, findings to build/fuzz/findings.
#
# usage: fuzz/run.sh [SECONDS_EACH] [TARGET…]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-20}
shift || true
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  for source in fuzz/*_fuzz.cpp; do targets+=("$(basename "$source" _fuzz.cpp)"); done
fi
mkdir -p build/fuzz/findings
for target in "${targets[@]}"; do
  mkdir -p "build/fuzz/corpus/$target"
  log=build/fuzz/$target.log
  dictionary=()
  [ -e "fuzz/$target.dict" ] && dictionary=("-dict=fuzz/$target.dict")
  # -rss_limit_mb holds "no over-allocation", -timeout holds "no hang".
  if ! "build/asan-ubsan/bin/${target}_fuzz" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
      -print_final_stats=1 "${dictionary[@]}" -artifact_prefix="build/fuzz/findings/$target-" "build/fuzz/corpus/$target" \
      "fuzz/corpus/$target" >"$log" 2>&1; then
    tail -n 40 "$log"
    echo "fuzz: $target found something; the input is in build/fuzz/findings" >&2
    exit 1
  fi
  echo "fuzz: $target $(awk '/number_of_executed_units/ {print $2}' "$log") executions, no finding"
done
