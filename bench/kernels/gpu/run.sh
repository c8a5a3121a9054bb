#!/usr/bin/env bash
# Tests and times everything that runs on a CUDA device, in one call; the last lines are the table of decoding speed.
#
# usage: bench/kernels/gpu/run.sh [BUNDLE]        output also in $OUT, where set
#
# Without BUNDLE the programs are built here (cmake --preset cuda). A machine without Lacuna's libraries runs those of
# BUNDLE, which `bench/kernels/gpu/bundle.sh BUNDLE` made on one that has them and nvcc.
#
# SHAPE, STEPS   of device_decode_bench (7b, 100)
# PARTS          not empty: also the time of each kind of product
# ONLY           of tests, check, bench: some of the parts (all)
set -euo pipefail
cd "$(dirname "$0")/../../.."
out=${OUT:-build/gpu}
only=${ONLY:-tests check bench}
mkdir -p "$out"

if [ $# -gt 0 ]; then
  bin=$(mktemp -d)
  tar -xf "$1" -C "$bin"
  export LD_LIBRARY_PATH=$bin/lib
else
  cmake --preset cuda >/dev/null
  cmake --build --preset cuda --target kernels_cuda_test model_cuda_test device_decode_bench
  bin=build/cuda/bin
fi
export LACUNA_REQUIRE_DEVICE=1
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader

part() { [[ " $only " == *" $1 "* ]]; }
status=0
if part tests; then
  for test in kernels_cuda_test model_cuda_test; do
    "$bin/$test" --gtest_brief=1 >"$out/$test.txt" 2>&1 || { status=1; tail -n 60 "$out/$test.txt"; }
    tail -n 2 "$out/$test.txt"
  done
fi
if part check; then
  compute-sanitizer --tool memcheck --error-exitcode 9 "$bin/model_cuda_test" \
    --gtest_filter='*Packed*:*Thresholds*:*Chunk*:*RunsAgree*' --gtest_brief=1 >"$out/memcheck.txt" 2>&1 || status=1
  tail -n 3 "$out/memcheck.txt"
  compute-sanitizer --tool racecheck --error-exitcode 9 "$bin/kernels_cuda_test" \
    --gtest_filter='AttentionCuda.QueryHeads*:DenseGemvCuda.AnyAlign*:GemmCuda.EveryOutput:SparseGemvCuda.GateAndUp*' --gtest_brief=1 >"$out/racecheck.txt" 2>&1 || status=1
  tail -n 3 "$out/racecheck.txt"
fi
if part bench; then
  "$bin/device_decode_bench" "${SHAPE:-7b}" "${STEPS:-100}" ${PARTS:+parts} 2>&1 | tee "$out/decode.txt" || status=1
fi
exit $status
