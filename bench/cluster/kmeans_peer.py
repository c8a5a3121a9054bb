"""k-means with its metrics and t-SNE of 128 patterns of 4096 bits, ours against the scripts' code in one run, two threads.

usage: kmeans_peer.py BUILD_FOLDER

The peers are scikit-learn and shared/peers/analysis_peer.py (its cluster_metrics: KMeans with 10 initialisations, then
distances pair by pair). Ours is timed inside kmeans_bench by cluster_bench and here, whole process and start-up included,
by `lacuna cluster`. Goals: k-means 20 times; inertia within 0.1 % of scikit-learn's; KL divergence no larger.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):  # before torch reads them
    os.environ.setdefault(variable, "2")

REPOSITORY = Path(__file__).resolve().parents[2]
PEERS = Path(os.environ.get("LACUNA_SHARED", REPOSITORY.parent / "shared")) / "peers"
ROWS, N = 4096, 128


def patterns(kind, np):
    random = np.random.default_rng(0)
    if kind == "independent":
        return random.random((N, ROWS)) < 0.5
    centres = random.random((12, ROWS)) < 0.5
    return centres[np.arange(N) % 12] ^ (random.random((N, ROWS)) < 0.4)


def lacuna(build, *arguments):
    run = subprocess.run([build / "bin/lacuna", *map(str, arguments), "--json", "--threads", "2"], capture_output=True,
                         text=True, check=True)
    return json.loads(run.stdout)


def ours_per_second(build, name):
    run = subprocess.run([build / "bin/cluster_bench", f"--benchmark_filter=^{name}/", "--benchmark_format=json",
                          "--benchmark_min_time=0.2"], capture_output=True, text=True, check=True)
    return {row["name"].split("/")[1]: row["real_time"] / 1e3 for row in json.loads(run.stdout)["benchmarks"]}


def timed(work):
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def main():
    build = Path(sys.argv[1]).resolve()
    if not (PEERS / "analysis_peer.py").exists():
        print(f"skipped: the peer is absent ({PEERS})")
        return
    try:
        import numpy as np
        import torch
        from sklearn.cluster import KMeans
        from sklearn.manifold import TSNE
    except ImportError as missing:
        print(f"skipped: {missing.name} is not installed for this Python (packaging/setup.sh sets it up)")
        return
    sys.path.insert(0, str(PEERS))
    import analysis_peer
    torch.set_num_threads(2)
    seconds = ours_per_second(build, "kmeans")
    tsne_seconds = ours_per_second(build, "tsne")
    for kind in ("independent", "planted"):
        bits = patterns(kind, np)
        features = torch.from_numpy(bits.T.astype(np.float32).copy())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "w.npy"
            np.save(path, bits.T.astype(np.float32))
            runs = lacuna(build, "cluster", path, "--k", "4,8,16", "--n", N, "--feature", 0, "--seeds", 1, "--null", 0)["runs"]
            embedding = lacuna(build, "tsne", path, "--all", "--perplexity", 30)
        for run in runs:
            k = run["k"]
            ordered = bits[run["indices"]].astype(np.float32)
            fitted, sklearn_s = timed(lambda: KMeans(k, random_state=42, n_init=10).fit(ordered))
            _, peer_s = timed(lambda: analysis_peer.cluster_metrics(features, k, 42))
            mine = seconds[f"k{k}"]
            print(f"{kind} k={k}: inertia {run['inertia'] / fitted.inertia_ - 1:+.3%} of scikit-learn's; ours {mine * 1e3:.2f} ms, "
                  f"scikit-learn {sklearn_s * 1e3:.0f} ms ({sklearn_s / mine:.0f}×), with the scripts' metrics {peer_s * 1e3:.0f} ms "
                  f"({peer_s / mine:.0f}×)")
        peer, peer_s = timed(lambda: TSNE(perplexity=30, random_state=42, method="exact").fit(bits.astype(np.float32)))
        default, default_s = timed(lambda: TSNE(perplexity=30, random_state=42).fit(bits.astype(np.float32)))
        mine = tsne_seconds["exact128"]
        print(f"{kind} t-SNE: KL {embedding['kl']:.4f}, scikit-learn exact {peer.kl_divergence_:.4f}, Barnes-Hut "
              f"{default.kl_divergence_:.4f}; ours {mine * 1e3:.0f} ms, scikit-learn {peer_s * 1e3:.0f} and {default_s * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
