"""Pruning one 4096×4096 linear, ours against plain PyTorch in one run on two threads.

usage: peer.py BUILD_FOLDER [RUNS]

The peer is shared/peers/prune_peer.py, the reference code's loops on one layer; it reports the best of three calls. Ours
are the same calls of prune_bench (the dense weights are copied inside the time on both sides), the best of as many.
Runs of both alternate, so that a busy machine slows both; medians over runs. Goals: SparseGPT 6 times, Wanda 10 times.
"""
import json
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PEER = Path(os.environ.get("LACUNA_SHARED", REPOSITORY.parent / "shared")) / "peers/prune_peer.py"
PAIRS = {"gram": "gram/4096x4096x4096", "sparsegpt-0.5": "sparsegpt/50%/4096x4096",
         "sparsegpt-2:4": "sparsegpt/2:4/4096x4096", "wanda-0.5": "wanda/50%/4096x4096"}
GOALS = {"sparsegpt-0.5": 6, "sparsegpt-2:4": 6, "wanda-0.5": 10}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}


def python_with_torch():
    """Debian's PyTorch is the peer that was measured; any other serves where it is absent."""
    for python in ("/usr/bin/python3", sys.executable):
        if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode == 0:
            return python
    return None


def peer_seconds(python):
    run = subprocess.run([python, PEER, "4096", "4096", "4096", "cpu"], capture_output=True, text=True, env=ENVIRONMENT)
    found = dict(re.findall(r"^(\S+) ([\d.]+) s$", run.stdout, re.M))
    if set(PAIRS) - set(found):
        sys.exit(f"the peer failed:\n{run.stderr[-800:]}")
    return {name: float(seconds) for name, seconds in found.items()}


def our_seconds(build):
    best = {}
    run = subprocess.run([build / "bin/prune_bench", "--benchmark_format=json", "--benchmark_min_time=0.01",
                          "--benchmark_repetitions=3", "--benchmark_filter=^(gram|sparsegpt|wanda/50)"],
                         capture_output=True, text=True, check=True, env=ENVIRONMENT)
    for row in json.loads(run.stdout)["benchmarks"]:
        if row["run_type"] == "iteration":
            name = row["run_name"].removesuffix("/real_time")
            best[name] = min(best.get(name, 1e9), row["real_time"] / 1e3)
    return best


def main():
    build, runs = Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 3
    python = python_with_torch()
    if not PEER.exists() or python is None:
        print(f"skipped: the peer is absent ({PEER})" if python else "skipped: PyTorch is not installed (packaging/setup.sh)")
        return
    peers, ours = [], []
    for _ in range(runs):
        peers.append(peer_seconds(python))
        ours.append(our_seconds(build))
    print(f"one 4096x4096 linear, 4096 tokens, f32, 2 threads, median of {runs}")
    for theirs, name in PAIRS.items():
        ratio = statistics.median(p[theirs] / o[name] for p, o in zip(peers, ours))
        goal = f"   goal {GOALS[theirs]}x" if theirs in GOALS else ""
        print(f"{theirs:14} PyTorch {statistics.median(p[theirs] for p in peers):7.3f} s   "
              f"Lacuna {statistics.median(o[name] for o in ours):7.4f} s   {ratio:6.1f}x{goal}", flush=True)
    print(f"SparseGPT 50% with its report (exact error): "
          f"{statistics.median(o['sparsegpt_prune/50%/4096x4096'] for o in ours):.3f} s")


if __name__ == "__main__":
    main()
