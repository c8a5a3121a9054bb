"""Perplexities and masks of one golden model, pruned and evaluated by the program, against the reference code's.

usage: golden_perplexity_test.py MODEL

Pruned weights are stored in bf16, the reference kept them in float32, and near-ties in the masks fall either way: 0.5 % is
the project's goal for both together. All entries of reference.json take 50 minutes of one core (books-llama-32m 32 of
them), so the slow tests take a part of them, on the books stream, 8 minutes of one core; LACUNA_GOLDEN=all takes every
entry on both streams.
"""
import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

from lacuna_cli import SHARED, CliTest, lacuna, needs_shared
from weights import mask_agreement

GOLDEN = SHARED / "golden"
STREAMS = {"books": "books_eval_tokens.npy", "wikitext2": "wikitext2_test_tokens.npy"}
PART = {"tiny-llama": ["magnitude-0-0-0.5", "magnitude-2-4-0.5", "magnitude-4-8-0.5", "magnitude-0-0-0.7",
                       "wanda-0-0-0.5", "wanda-2-4-0.5", "wanda-4-8-0.5", "wanda-0-0-0.7",
                       "sparsegpt-0-0-0.5", "sparsegpt-2-4-0.5", "sparsegpt-4-8-0.5", "sparsegpt-0-0-0.7"],
        "books-opt-14m": ["magnitude-4-8-0.5", "wanda-0-0-0.5", "sparsegpt-0-0-0.5", "sparsegpt-2-4-0.5"],
        "books-llama-32m": ["sparsegpt-0-0-0.5", "sparsegpt-2-4-0.5"]}
MASKS = {"wanda-0-0-0.5": 0.9995, "sparsegpt-0-0-0.5": 0.985}
# Beyond the goal of 0.5 %: near-ties decide. On books, the reference procedure in f32 on a CPU is itself +0.21 % from the golden
# GPU run at 2:4, and ours, under five settings of ISA and of the library's kernels, lay -0.13 to +0.38 % from that (first 100
# windows). On WikiText, which these models have never seen (perplexities of 280 to 480), the same repetition is +1.86 % off at
# 2:4 and +0.14 % at 50 %. There SparseGPT of ours was -1.7 to +3.5 % off for books-llama-32m, at most 0.74 and 0.52 % for the other
# two, and magnitude and Wanda within 0.2 %.
WITHIN = {("books-llama-32m", "sparsegpt-2-4-0.5", "books"): 0.01}
SPARSEGPT_ON_WIKITEXT = {"books-llama-32m": 0.05, "books-opt-14m": 0.01, "tiny-llama": 0.01}


def tolerance(model, run, stream):
    if stream == "wikitext2" and run.startswith("sparsegpt"):
        return SPARSEGPT_ON_WIKITEXT[model]
    return WITHIN.get((model, run, stream), 0.005)


ALL = os.environ.get("LACUNA_GOLDEN") == "all"


def target_options(runs):
    """--sparsity and --pattern for run names such as wanda-0-0-0.5 and wanda-2-4-0.5."""
    targets = sorted({tuple(run.split("-")[1:]) for run in runs})
    sparsities = [s for n, m, s in targets if n == "0"]
    patterns = [f"{n}:{m}" for n, m, s in targets if n != "0"]
    return [*(["--sparsity", ",".join(sparsities)] if sparsities else []),
            *(["--pattern", ",".join(patterns)] if patterns else [])]


@needs_shared("golden/reference.json")
class GoldenModel(CliTest):
    model = ""

    @classmethod
    def setUpClass(cls):
        reference = json.loads((GOLDEN / "reference.json").read_text())[cls.model]
        cls.reference = {run: entry for run, entry in reference.items() if run.split("-")[0] in ("magnitude", "wanda", "sparsegpt")}
        cls.runs = list(cls.reference) if ALL else PART[cls.model]
        cls.out = Path(tempfile.mkdtemp(prefix="lacuna-golden-"))
        cls.addClassCleanup(shutil.rmtree, cls.out, ignore_errors=True)
        wanted = {*cls.runs, *MASKS}
        methods = ",".join(sorted({run.split("-")[0] for run in wanted}))
        pruned = lacuna("prune", SHARED / "models" / cls.model, "--method", methods, *target_options(wanted), "--calib",
                        GOLDEN / "calib_64x512.npy", "--samples", 32, "--seqlen", 256, "--out", cls.out / "g", "--quiet",
                        timeout=3000)
        if pruned.status != 0:
            raise RuntimeError(pruned.err)

    def test_masks(self):
        for run, floor in MASKS.items():
            share = mask_agreement(self.out / "g" / run, GOLDEN / f"{self.model}.{run}.masks.npz")
            print(f"{self.model} {run}: {100 * share:.4f} % of the mask entries equal", flush=True)
            self.assertGreaterEqual(share, floor, run)

    def test_perplexities(self):
        for run in self.runs:
            for stream in STREAMS if ALL else ["books"]:
                with self.subTest(run=run, stream=stream):
                    result = self.ok("eval", self.out / "g" / run, "--tokens", GOLDEN / STREAMS[stream], "--json", "--quiet",
                                     timeout=3000).json()
                    expected = self.reference[run][stream]
                    off = result["perplexity"] / expected - 1
                    print(f"{self.model} {run} {stream}: {result['perplexity']:.4f}, expected {expected:.4f}, {100 * off:+.3f} %",
                          flush=True)
                    self.assertLess(abs(off), tolerance(self.model, run, stream))


if __name__ == "__main__":
    GoldenModel.model = sys.argv.pop()
    unittest.main()
