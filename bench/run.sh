#!/usr/bin/env bash
# Runs every benchmark, peers beside ours in the same run on two threads where they are installed.
#
# usage: bench/run.sh BUILD_FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
export OMP_NUM_THREADS=2 OPENBLAS_NUM_THREADS=2
# PyTorch's products are OpenBLAS's. Where its kernels are forced, the peers may be slower than they could be: say so.
echo "OpenBLAS under the peers: ${OPENBLAS_CORETYPE:-its own choice of kernels} (OPENBLAS_CORETYPE)"
python=.deps/oracle/bin/python
[ -x "$python" ] || python=/usr/bin/python3

for program in "$build"/bin/*_bench; do
  [ -x "$program" ] || continue
  echo "== $(basename "$program")"
  "$program" --benchmark_min_time=0.2 --benchmark_counters_tabular=true
done
for script in bench/*/*peer.py bench/end_to_end.py bench/start_up.py; do
  [ -f "$script" ] || continue
  echo "== $script"
  "$python" "$script" "$build"
done
