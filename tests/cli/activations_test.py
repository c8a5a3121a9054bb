"""`lacuna activations` and `lacuna eval --activation-sparsity` from outside."""
import json
import unittest

import numpy as np

from lacuna_cli import MODEL, SHARED, CliTest, needs_shared

GOLDEN_TARGETS = [0.25, 0.4, 0.5, 0.9]


class Activations(CliTest):
    def calibration(self, samples=4, seqlen=64):
        path = self.folder / "calib.npy"
        np.save(path, np.random.default_rng(3).integers(5, 2000, (samples, seqlen), dtype=np.int32))
        return ["--calib", path, "--samples", samples, "--seqlen", seqlen]

    @needs_shared("golden/reference.json")
    def test_quantiles_are_those_of_the_reference(self):
        reference = json.loads((SHARED / "golden/reference.json").read_text())
        for model in ("tiny-llama", "books-llama-32m", "books-opt-14m"):
            with self.subTest(model):
                profile = self.ok("activations", SHARED / "models" / model, "--calib", SHARED / "golden/calib_64x512.npy",
                                  "--samples", 8, "--seqlen", 256, "--json").json()
                expected = reference[model]["abs_activation_quantiles_8x256"]
                found = {f"{i['layer']}.{c}": [t["quantile"] for t in i["targets"]] for i in profile["inputs"]
                         for c in i["components"]}
                self.assertEqual(set(found), set(expected))
                self.assertEqual(profile["targets"], GOLDEN_TARGETS)
                for key, values in expected.items():
                    np.testing.assert_allclose(found[key], values, rtol=0.01, atol=0, err_msg=key)

    @needs_shared("models/books-opt-14m")
    def test_a_relu_model_has_exact_zeros_in_front_of_fc2(self):
        profile = self.ok("activations", SHARED / "models/books-opt-14m", *self.calibration(), "--json").json()
        zeros = {c: i["zero_share"] for i in profile["inputs"] if i["layer"] == 0 for c in i["components"]}
        self.assertGreater(zeros["fc2"], 0.5)
        self.assertEqual(zeros["fc1"], 0)

    def test_a_profile_gives_eval_its_thresholds(self):
        calibration = self.calibration()
        profile = self.folder / "profile.json"
        printed = self.ok("activations", MODEL, *calibration, "--sparsity", "0.3,0.6", "-o", profile, "--json").json()
        self.assertEqual(printed, json.loads(profile.read_text()))
        text = ["--tokens", self.folder / "calib.npy", "--seqlen", 64]
        document = self.ok("eval", MODEL, *text, "--profile", profile, "--json").json()
        self.assertEqual([e["sparsity"] for e in document["activation_sparsity"]], [0.3, 0.6])
        for entry in document["activation_sparsity"]:
            # The very windows the thresholds come from: the skipped share is the target up to a bin of the histogram,
            # but for what changed inputs of later layers do.
            self.assertAlmostEqual(entry["skipped_weights"], entry["sparsity"], delta=0.05)
        low, high = (e["nll"] for e in document["activation_sparsity"])
        self.assertLess(abs(low - document["nll"]), abs(high - document["nll"]))
        one = self.ok("eval", MODEL, *text, "--profile", profile, "--activation-sparsity", "0.6", "--rule", "quantile", "--json").json()
        self.assertEqual(one["activation_sparsity"], document["activation_sparsity"][1:])

    def test_thresholds_without_a_profile_come_from_the_text(self):
        self.calibration()
        result = self.ok("eval", MODEL, "--tokens", self.folder / "calib.npy", "--seqlen", 64, "--activation-sparsity", "0.2,0.5",
                         "--against", MODEL, "--json", "--progress", "none")
        self.assertIn("--profile", result.err)
        low, high = result.json()["activation_sparsity"]
        self.assertLess(low["kl_mean"], high["kl_mean"])
        self.assertEqual(result.json()["kl_mean"], 0)

    def test_greedy_allocation_beats_the_uniform_one_on_its_block(self):
        profile = self.ok("activations", MODEL, *self.calibration(2, 32), "--sparsity", "0.5", "--allocate", "greedy",
                          "--json").json()
        self.assertEqual(len(profile["allocations"]), 42)
        for layer in range(6):
            linears = [a for a in profile["allocations"] if a["layer"] == layer]
            total = sum(a["weights"] for a in linears)
            block = linears[0]["targets"][0]
            self.assertAlmostEqual(sum(a["weights"] * a["targets"][0]["sparsity"] for a in linears) / total,
                                   block["block_sparsity"], places=9)
            self.assertAlmostEqual(block["block_sparsity"], 0.5, delta=0.01)
            self.assertLess(block["block_error"], block["uniform_error"])

    def test_active_sets_are_a_mask_file_that_other_commands_read(self):
        active = self.folder / "active.safetensors"
        profile = self.ok("activations", MODEL, *self.calibration(3, 20), "--coactivation", "0.7", "--active-out", active,
                          "--json").json()
        shown = {t["name"]: t for t in self.ok("show", active, "--json").json()["tensors"]}
        self.assertEqual(len(shown), len(profile["inputs"]))
        down = next(i for i in profile["inputs"] if "mlp.down_proj" in i["components"])
        self.assertEqual(shown["0.mlp.down_proj"]["shape"], [60, down["features"]])  # tokens × features
        self.assertAlmostEqual(shown["0.mlp.down_proj"]["sparsity"], 0.7, delta=0.01)
        for i in profile["inputs"]:
            c = i["coactivation"]
            self.assertAlmostEqual(sum(c["frequency_percentiles"]) / 101, 0.3, delta=0.05)
            self.assertEqual(c["frequency_percentiles"], sorted(c["frequency_percentiles"], reverse=True))
            self.assertTrue(0 < c["overlap_neighbours"] <= 1 and 0 < c["overlap_prompts"] <= 1)
        self.fails(2, "E0102", "activations", MODEL, *self.calibration(), "--active-out", active)

    def test_bad_profiles_and_targets_are_errors(self):
        calibration = self.calibration()
        text = ["--tokens", self.folder / "calib.npy", "--seqlen", 64]
        for sparsity in ("0", "1", "0.5,0.5", "nan"):
            self.fails(2, "E0101", "activations", MODEL, *calibration, "--sparsity", sparsity)
        profile = self.folder / "p.json"
        self.fails(1, "E0201", "eval", MODEL, *text, "--profile", profile)
        profile.write_text("{}")
        self.fails(1, "E0301", "eval", MODEL, *text, "--profile", profile)
        self.ok("activations", MODEL, *calibration, "--sparsity", "0.5", "-o", profile)
        self.fails(2, "E0101", "eval", MODEL, *text, "--profile", profile, "--activation-sparsity", "0.4")
        self.fails(2, "E0101", "eval", MODEL, *text, "--profile", profile, "--rule", "greedy")
        other = profile.read_text().replace("mlp.down_proj", "fc2")
        profile.write_text(other)
        self.fails(1, "E0503", "eval", MODEL, *text, "--profile", profile)

    def test_equal_on_any_number_of_threads(self):
        arguments = ["activations", MODEL, *self.calibration(2, 40), "--json"]
        one, two = (self.ok(*arguments, "--threads", n).json() for n in (1, 2))
        for a, b in zip(one["inputs"], two["inputs"]):  # the forward pass may differ by rounding; the counts do not
            np.testing.assert_allclose([t["quantile"] for t in a["targets"]], [t["quantile"] for t in b["targets"]], rtol=1e-4)
            self.assertEqual(a["values"], b["values"])


if __name__ == "__main__":
    unittest.main()
