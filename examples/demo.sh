#!/usr/bin/env bash
# The main job on the demo model: prune, evaluate, compare, store, draw. Called by `make demo`.
#
# usage: examples/demo.sh LACUNA_PROGRAM
set -euo pipefail
cd "$(dirname "$0")/.."
"$1" study examples/demo.toml
echo
echo "Ask the database:  $1 query --db out/demo/sparsity.db \"select method, sparsity, perplexity from evaluations join runs using (run_id)\""
echo "Open the report:   out/demo/report.html"
