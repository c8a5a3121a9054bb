"""Quantiles of |x| and active sets of a linear's inputs, ours against PyTorch and numpy in one run on two threads.

usage: peer.py BUILD_FOLDER [RUNS]

The peers are what scripts write: torch.quantile of |x| for four sparsities with the energy above each, TEAL's histogram
of 10,000 bins (torch.histc), and the bits of |x| > t by numpy.packbits. Ours gives quantiles, energies and TEAL's
thresholds in one pass, to 0.2 % where torch.quantile is exact. Runs of both alternate, so that a busy machine slows both.
"""
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # before torch reads them
    os.environ.setdefault(variable, "2")

TOKENS, FEATURES = 2048, 4096  # torch.quantile takes no more than 16 million values
QUANTILES = (.25, .4, .5, .9)


def our_seconds(build, name):
    run = subprocess.run([build / "bin/activations_bench", f"--benchmark_filter=^{name}/{TOKENS}x{FEATURES}/real_time",
                          "--benchmark_format=json", "--benchmark_min_time=0.2"], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["benchmarks"][0]["real_time"] / 1e3


def alternate(label, peer, ours, runs):
    peers, own = [], []
    for _ in range(runs):
        started = time.perf_counter()
        peer()
        peers.append(time.perf_counter() - started)
        own.append(ours())
    ratio = statistics.median(p / o for p, o in zip(peers, own))
    print(f"{label:44} {statistics.median(peers):7.3f} s   Lacuna {statistics.median(own):7.4f} s   {ratio:6.1f}x", flush=True)


def main():
    build, runs = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    try:
        import numpy as np
        import torch
    except ImportError:
        print("skipped: PyTorch is not installed for this Python (packaging/setup.sh sets it up)")
        return
    torch.set_num_threads(2)
    torch.manual_seed(0)
    x = torch.randn(TOKENS, FEATURES)
    levels = torch.tensor(QUANTILES)

    def quantiles():
        magnitudes = x.abs().flatten()
        squares = magnitudes.square()
        for threshold in torch.quantile(magnitudes, levels):
            squares[magnitudes > threshold].sum() / squares.sum()

    def histogram():
        low, high = x.min().item(), x.max().item()
        return torch.histc(x, bins=10_000, min=low, max=high)

    print(f"inputs of {TOKENS} tokens x {FEATURES} features, f32, 2 threads, median of {runs}")
    alternate("quantiles and energies: torch.quantile", quantiles, lambda: our_seconds(build, "quantiles"), runs)
    alternate("histogram: torch.histc", histogram, lambda: our_seconds(build, "histogram"), runs)
    alternate("active sets as bits: torch and numpy.packbits", lambda: np.packbits((x.abs() > .5).numpy(), axis=1),
              lambda: our_seconds(build, "active"), runs)


if __name__ == "__main__":
    main()
