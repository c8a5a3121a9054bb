#!/usr/bin/env bash
# The main job on the demo model: prune, evaluate, compare, store, draw; then single analyses beside chance, as figures.
# Called by `make demo`.
#
# usage: examples/demo.sh LACUNA_PROGRAM
set -euo pipefail
cd "$(dirname "$0")/.."
lacuna=$1
"$lacuna" study examples/demo.toml

out=out/demo
pruned=$out/models/tiny-llama/wanda-0-0-0.5
results=$out/results
figures=$out/figures
mkdir -p "$results" "$figures"
type=pdf
command -v node >/dev/null && command -v rsvg-convert >/dev/null || type=html # which needs no other program

analyse() { # COMMAND NAME OPTION…: the document of an analysis
  "$lacuna" "$1" "${@:3}" --quiet --json >"$results/$2.json"
}
plot() { # FIGURE NAME ARGUMENT…
  "$lacuna" plot "$1" "${@:3}" -o "$figures/$2.$type" --quiet
}

echo
echo "Analysing $pruned, each statistic beside random masks"
matrix=(--matrix 0.self_attn.q_proj --null 100)
analyse pairs pairs "$pruned" "${matrix[@]}"
analyse cluster clusters "$pruned" "${matrix[@]}" --k 4,8 --seeds 3 --patterns
for order in stored balanced; do analyse coherence "order-$order" "$pruned" "${matrix[@]}" --order "$order"; done
analyse threshold thresholds examples/tiny-llama --preset
analyse ablate ablation "$out/sparsity.db"
"$lacuna" activations examples/tiny-llama --calib "$out/texts/tiny-llama/calibration.npy" --samples 8 --seqlen 256 \
  --sparsity 0.25,0.5,0.75,0.9 --coactivation 0.5 --quiet --json >"$results/activations.json"

plot distances distances "$results/pairs.json"
plot separation separation "$results/clusters.json"
plot heatmap heatmap "$results/clusters.json"
plot coherence coherence "$results"/order-*.json
plot thresholds thresholds "$results/thresholds.json"
plot ablation-patterns patterns "$results/ablation.json"
plot sparsity activations "$results/activations.json"
plot perplexity perplexity --db "$out/sparsity.db"

echo
echo "Ask the database:  $lacuna query --db $out/sparsity.db \"select method, sparsity, perplexity from evaluations join runs using (run_id)\""
echo "Look at figures:   $figures/*.$type, drawn of $results/*.json"
echo "Open the report:   $out/report.html"
