#!/usr/bin/env bash
# Packs the built CUDA tests and benchmarks with the libraries they need, for a machine that lacks these.
#
# usage: bench/kernels/gpu/bundle.sh BUNDLE.tar.gz [PROGRAM…]        after cmake --build --preset cuda
#
# The machine brings the C library, of this one's version or newer, and the driver.
set -euo pipefail
bundle=$(realpath -m "$1")
shift
cd "$(dirname "$0")/../../../build/cuda/bin"
programs=("$@")
[ $# -gt 0 ] || programs=(kernels_cuda_test model_cuda_test device_decode_bench)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/lib"
for program in "${programs[@]}"; do
  cp "$program" "$folder/"
  strip "$folder/$program"
  ldd "$program" | awk '$3 ~ /^\// { print $3 }'
done | sort -u | grep -vE '/(libc|libm|libdl|libpthread|librt)\.so' | xargs -r cp -Lt "$folder/lib"
mkdir -p "$(dirname "$bundle")"
tar -C "$folder" -I 'gzip -1' -cf "$bundle" .
ls -lh "$bundle"
