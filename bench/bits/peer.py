"""Per-feature similarity of two 4096×11008 matrices, ours against PyTorch in one run on two threads.

usage: peer.py BUILD_FOLDER [RUNS]

The peer is shared/peers/analysis_peer.py, the earlier scripts' own loop over features. Runs of both alternate, so that
a busy machine slows both; the goal by columns is 30 times.
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
ROWS, COLS = 4096, 11008


def our_seconds(build, axis):
    name = f"similarity/{axis} / f32 / {ROWS}x{COLS}/real_time"
    run = subprocess.run([build / "bin/bits_bench", f"--benchmark_filter={name}", "--benchmark_format=json",
                          "--benchmark_min_time=0.2"], capture_output=True, text=True, check=True)
    return json.loads(run.stdout)["benchmarks"][0]["real_time"] / 1e3


def main():
    build, runs = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if not (PEERS / "analysis_peer.py").exists():
        print(f"skipped: the peer is absent ({PEERS})")
        return
    try:
        import torch
    except ImportError:
        print("skipped: PyTorch is not installed for this Python (packaging/setup.sh sets it up)")
        return
    sys.path.insert(0, str(PEERS))
    from analysis_peer import by_feature

    torch.set_num_threads(2)
    torch.manual_seed(0)
    weights = torch.randn(ROWS, COLS)
    a, b = weights.clone(), weights.clone()
    a[torch.rand(ROWS, COLS) < .5] = 0
    b[torch.rand(ROWS, COLS) < .5] = 0
    print(f"per-feature similarity, {ROWS}x{COLS} f32, 2 threads, median of {runs}")
    for axis, dimension in (("columns", 1), ("rows", 0)):
        peers, ours = [], []
        for _ in range(runs):
            started = time.perf_counter()
            by_feature(a, b, dimension)
            peers.append(time.perf_counter() - started)
            ours.append(our_seconds(build, axis))
        ratio = statistics.median(p / o for p, o in zip(peers, ours))
        print(f"by {axis:8} PyTorch {statistics.median(peers):7.3f} s   Lacuna {statistics.median(ours):7.4f} s   "
              f"{ratio:6.1f}x", flush=True)


if __name__ == "__main__":
    main()
