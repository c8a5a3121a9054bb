"""`lacuna threshold` from outside, against numpy."""
import unittest

import numpy as np

from lacuna_cli import MODEL, CliTest
from weights import read_model

PRESET = {"q_proj": 0.0182, "k_proj": 0.0182, "v_proj": 0.0182, "o_proj": 0.0035, "up_proj": 0.0601, "gate_proj": 0.0601,
          "down_proj": 0.0032}


class Threshold(CliTest):
    def weights(self, dtype=np.float32):
        w = np.random.default_rng(5).standard_normal((20, 31)).astype(dtype)
        w[2, 3], w[4, 5] = 0, -0.5
        np.save(self.folder / "w.npy", w)
        return w

    def test_entries_up_to_the_threshold_go(self):
        w = self.weights()
        (m,) = self.ok("threshold", self.folder / "w.npy", "--threshold", 0.5, "--json").json()["matrices"]
        kept = np.abs(w) > 0.5
        self.assertEqual((m["rows"], m["cols"], m["layer"], m["output"]), (20, 31, None, None))
        self.assertAlmostEqual(m["sparsity"], 1 - kept.mean(), places=12)
        self.assertAlmostEqual(m["sparsity_before"], 1 / w.size, places=12)
        w = w.astype(np.float64)
        self.assertAlmostEqual(m["energy_kept"], (w[kept] ** 2).sum() / (w ** 2).sum(), places=9)

    def test_a_target_is_the_quantile_of_each_matrix(self):
        for dtype in (np.float32, np.float64, np.float16):
            w = self.weights(dtype)
            for s in (0.1, 0.5, 0.9):
                (m,) = self.ok("threshold", self.folder / "w.npy", "--sparsity", s, "--json").json()["matrices"]
                expected = np.quantile(np.abs(w.astype(np.float32)), s, method="lower")
                self.assertAlmostEqual(m["threshold"], float(expected), places=9)
                self.assertAlmostEqual(m["sparsity"], s, delta=(1 + (dtype == np.float16) * 3) / w.size)  # f16 has ties

    def test_the_curve_says_what_other_thresholds_would_give(self):
        w = np.abs(self.weights()).astype(np.float64)
        (m,) = self.ok("threshold", self.folder / "w.npy", "--threshold", 0.5, "--json").json()["matrices"]
        self.assertEqual([point[0] for point in m["curve"]], [p / 100 for p in range(5, 100, 5)] + [0.975, 0.99])
        ordered = np.sort(w.ravel())
        for sparsity, threshold, energy in m["curve"]:
            position = sparsity * (w.size - 1)  # an entry to either side: positions within a bin are taken as even
            below, above = ordered[max(int(position) - 1, 0)], ordered[min(int(position) + 2, w.size - 1)]
            self.assertTrue(below * 0.996 <= threshold <= above * 1.004, (sparsity, threshold, below, above))
            exact = (w[w > threshold] ** 2).sum() / (w ** 2).sum()
            self.assertAlmostEqual(energy, exact, delta=2 * ordered[-1] ** 2 / (w ** 2).sum())  # and an entry's energy

    def test_the_preset_writes_the_scripts_files(self):
        document = self.ok("threshold", MODEL, "--preset", "--layer", 1, "-o", self.folder / "out", "--json").json()
        self.assertEqual(len(document["matrices"]), 7)
        dense = read_model(MODEL)
        for m in document["matrices"]:
            t = PRESET[m["component"].split(".")[1]]
            self.assertEqual(m["threshold"], t)
            w = dense[f"model.layers.1.{m['component']}.weight"]
            self.assertAlmostEqual(m["sparsity"], (np.abs(w) <= np.float32(t)).mean(), places=12)
        path = self.folder / "out/data/threshold_unstructured/layer-1/layer1-mlp.up_proj-0-0-0.9.pt"
        (shown,) = self.ok("show", path, "--json").json()["tensors"]
        self.assertEqual((shown["dtype"], shown["shape"]), ("bf16", [512, 192]))
        tree = self.ok("compare", self.folder / "out/data/threshold_unstructured", MODEL, "--summary", "--json").json()
        for m in tree["matrices"]:
            (same,) = (r for r in document["matrices"] if r["component"] == m["component"])
            self.assertAlmostEqual(m["matrix"]["hamming"], same["sparsity"] - same["sparsity_before"], places=9)

    def test_wrong_requests_write_nothing(self):
        self.weights()
        w, out = self.folder / "w.npy", self.folder / "out"
        self.fails(2, "E0102", "threshold", w, "-o", out)
        self.fails(2, "E0102", "threshold", w, "--preset", "--sparsity", 0.5, "-o", out)
        for wrong in (["--sparsity", 0], ["--sparsity", 1], ["--threshold", -1], ["--threshold", "nan"], ["--preset"]):
            self.fails(2, "E0101", "threshold", w, *wrong, "-o", out)
        bad = np.ones((4, 4), np.float32)
        bad[1, 1] = np.nan
        np.save(self.folder / "bad.npy", bad)
        self.fails(1, "E0604", "threshold", self.folder / "bad.npy", "--threshold", 0.5, "-o", out)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["bad.npy", "w.npy"])
        out.mkdir()
        (out / "mine").write_text("1")
        self.fails(1, "E0204", "threshold", w, "--threshold", 0.5, "-o", out)
        self.assertEqual([p.name for p in out.iterdir()], ["mine"])


if __name__ == "__main__":
    unittest.main()
