"""Pruning a whole model, ours against plain PyTorch in one run, and our peak memory against its budget.

usage: end_to_end.py BUILD_FOLDER [RUNS]

The peer's time starts after it has loaded the weights; ours is the whole process, from start to the synced checkpoint.
Memory budget: calibration activations + one layer + its statistics + 200 MB.
"""
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("LACUNA_SHARED", REPOSITORY.parent / "shared"))
SAMPLES, SEQLEN = 32, 256


def peer_seconds(model, method):
    run = subprocess.run([sys.executable, SHARED / "peers/end_to_end_peer.py", model, method,
                          SHARED / "golden/calib_64x512.npy", str(SAMPLES), str(SEQLEN), "0.5"],
                         capture_output=True, text=True)
    found = re.search(rf"{method} ([\d.]+) s", run.stdout)
    if not found:
        sys.exit(f"the peer failed:\n{run.stderr[-800:]}")
    return float(found.group(1))


def prune(lacuna, model, method, folder):
    """Seconds and peak resident bytes of one `lacuna prune`."""
    out = Path(folder) / "pruned"
    shutil.rmtree(out, ignore_errors=True)
    started = time.perf_counter()
    child = subprocess.Popen([lacuna, "prune", model, "--method", method, "--sparsity", "0.5", "--calib",
                              SHARED / "golden/calib_64x512.npy", "--samples", str(SAMPLES), "--seqlen", str(SEQLEN),
                              "--out", out, "--quiet"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        sys.exit(f"lacuna prune failed with status {status}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def planned_bytes(lacuna, model, method, folder):
    run = subprocess.run([lacuna, "prune", model, "--method", method, "--sparsity", "0.5", "--calib",
                          SHARED / "golden/calib_64x512.npy", "--samples", str(SAMPLES), "--seqlen", str(SEQLEN),
                          "--out", Path(folder) / "dry", "--dry-run", "--json"], capture_output=True, text=True, check=True)
    memory = json.loads(run.stdout)["memory"]
    return memory["activations_bytes"] + memory["layer_bytes"] + memory["statistics_bytes"]


def main():
    lacuna, runs = Path(sys.argv[1]).resolve() / "bin/lacuna", int(sys.argv[2]) if len(sys.argv) > 2 else 3
    if not (SHARED / "peers/end_to_end_peer.py").exists():
        print(f"skipped: the peer and its models are absent ({SHARED})")
        return
    print(f"{'model':18} {'method':10} {'peer s':>8} {'ours s':>8} {'ratio':>6} {'peak MB':>8} {'budget MB':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for model in ("tiny-llama", "books-llama-32m"):
            for method in ("wanda", "sparsegpt"):
                path, ratios, ours, peers, peaks = SHARED / "models" / model, [], [], [], []
                for _ in range(runs):
                    peers.append(peer_seconds(path, method))
                    seconds, peak = prune(lacuna, path, method, folder)
                    ours.append(seconds)
                    peaks.append(peak)
                    ratios.append(peers[-1] / ours[-1])
                budget = planned_bytes(lacuna, path, method, folder) + 200e6
                print(f"{model:18} {method:10} {statistics.median(peers):8.2f} {statistics.median(ours):8.2f} "
                      f"{statistics.median(ratios):5.1f}x {max(peaks) / 1e6:8.0f} {budget / 1e6:10.0f}", flush=True)


if __name__ == "__main__":
    main()
