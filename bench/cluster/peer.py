"""Distances of all pairs and nearest features, ours against PyTorch and FAISS in one run on two threads.

usage: peer.py BUILD_FOLDER [RUNS]

The PyTorch peer is shared/peers/analysis_peer.py, as the earlier scripts did it, from a matrix of f32; ours packs the same
kind of matrix in every run. FAISS searches its exact binary index (IndexBinaryFlat) over patterns packed beforehand, as
ours does. Runs of both alternate, so that a busy machine slows both; the goals are 30 times and twice.
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

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("LACUNA_SHARED", REPOSITORY.parent / "shared")) / "peers"
ROWS, COLS, NEAREST = 4096, 11008, 128


def our_seconds(build, name):
    run = subprocess.run([build / "bin/cluster_bench", f"--benchmark_filter=^{name}/real_time", "--benchmark_format=json",
                          "--benchmark_min_time=0.2"], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["benchmarks"][0]["real_time"] / 1e3


def alternate(label, peer, ours, runs):
    peers, own = [], []
    for _ in range(runs):
        started = time.perf_counter()
        peer()
        peers.append(time.perf_counter() - started)
        own.append(ours())
    ratio = statistics.median(p / o for p, o in zip(peers, own))
    print(f"{label:34} {statistics.median(peers):7.3f} s   Lacuna {statistics.median(own):7.4f} s   {ratio:6.1f}x", flush=True)


def compare_with_torch(build, runs):
    if not (PEERS / "analysis_peer.py").exists():
        print(f"skipped: the peer is absent ({PEERS})")
        return
    try:
        import torch
    except ImportError:
        print("skipped: PyTorch is not installed for this Python (packaging/setup.sh sets it up)")
        return
    sys.path.insert(0, str(PEERS))
    from analysis_peer import pairwise

    torch.set_num_threads(2)
    torch.manual_seed(0)
    weights = torch.randn(ROWS, COLS)
    weights[torch.rand(ROWS, COLS) < .5] = 0
    alternate(f"all pairs of {COLS}: PyTorch", lambda: pairwise(weights),
              lambda: our_seconds(build, f"pairs_of_f32/{COLS}x{ROWS}"), runs)


def compare_with_faiss(build, runs):
    try:
        import faiss
        import numpy as np
    except ImportError:
        print("skipped: FAISS is not installed for this Python (packaging/setup.sh sets it up)")
        return
    faiss.omp_set_num_threads(2)
    patterns = np.random.default_rng(0).integers(0, 256, (COLS, ROWS // 8), dtype=np.uint8)
    index = faiss.IndexBinaryFlat(ROWS)
    index.add(patterns)
    alternate(f"{NEAREST} nearest of all {COLS}: FAISS", lambda: index.search(patterns, NEAREST),
              lambda: our_seconds(build, f"nearest/{NEAREST} / {COLS}x{ROWS}"), runs)


def main():
    build, runs = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    print(f"patterns of a {ROWS}x{COLS} matrix, 2 threads, median of {runs}")
    compare_with_torch(build, runs)
    compare_with_faiss(build, runs)


if __name__ == "__main__":
    main()
