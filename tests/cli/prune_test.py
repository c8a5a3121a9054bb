"""`lacuna prune` from outside, on the demo model and against the golden masks."""
import json
import os
import shutil
import subprocess
import unittest

import numpy as np

from lacuna_cli import MODEL, REPOSITORY, SHARED, CliTest, needs_shared, tree_digest
from weights import linear_name, mask_agreement, read_model, read_safetensors

CALIB = SHARED / "golden/calib_64x512.npy"
ORACLE = REPOSITORY / ".deps/oracle/bin/python"


class PruneDemo(CliTest):
    """Needs nothing but the demo model: calibration tokens are made here."""

    def setUp(self):
        super().setUp()
        self.calib = self.folder / "calib.npy"
        np.save(self.calib, np.random.default_rng(0).integers(5, 8192, (4, 32), dtype=np.int32))

    def prune(self, out, *options):
        return self.ok("prune", MODEL, "--calib", self.calib, "--samples", 4, "--seqlen", 32, "--out", self.folder / out,
                       *options)

    def test_output_is_a_complete_checkpoint(self):
        result = self.prune("w", "--method", "wanda", "--sparsity", 0.5, "--json").json()
        names = {path.name for path in (self.folder / "w").iterdir()}
        self.assertLessEqual({"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors",
                              "lacuna.json"}, names)
        self.assertEqual((self.folder / "w/config.json").read_bytes(), (MODEL / "config.json").read_bytes())
        dense, pruned = read_model(MODEL), read_model(self.folder / "w")
        self.assertEqual(list(dense), list(pruned))
        for name in dense:
            if "_proj" not in name:
                np.testing.assert_array_equal(dense[name], pruned[name])
                continue
            kept = pruned[name] != 0
            np.testing.assert_array_equal(pruned[name][kept], dense[name][kept])
            zeros = (pruned[name] == 0).sum(axis=1)
            self.assertTrue((zeros >= int(kept.shape[1] * 0.5)).all(), name)
        run = result["runs"][0]
        self.assertEqual(run["method"], "wanda")
        self.assertEqual(len(run["matrices"]), 42)
        self.assertAlmostEqual(run["sparsity"], 0.5, delta=1e-3)

    def test_record_beside_the_output(self):
        self.prune("s", "--method", "sparsegpt", "--pattern", "2:4", "--seed", 7)
        record = json.loads((self.folder / "s/lacuna.json").read_text())
        self.assertEqual(record["recipe"]["method"], "sparsegpt")
        self.assertEqual((record["recipe"]["n"], record["recipe"]["m"], record["recipe"]["seed"]), (2, 4, 7))
        self.assertEqual(len(record["recipe"]["calibration_digest"]), 64)
        self.assertEqual({m["pattern"] for m in record["matrices"]}, {"2:4"})
        self.assertTrue(all(0 <= m["relative_error"] < 1 for m in record["matrices"]))

    def test_patterns_are_exact(self):
        for method in ("magnitude", "wanda", "sparsegpt"):
            out = f"p-{method}"
            self.prune(out, "--method", method, "--pattern", "4:8")
            for name, weights in read_model(self.folder / out).items():
                if "_proj" in name:
                    groups = (weights == 0).reshape(weights.shape[0], -1, 8).sum(axis=2)
                    self.assertGreaterEqual(groups.min(), 4, name)

    def test_combinations_equal_each_alone(self):
        self.prune("all", "--method", "magnitude,wanda,sparsegpt", "--sparsity", "0.5,0.7", "--pattern", "2:4")
        folders = sorted(path.name for path in (self.folder / "all").iterdir() if path.is_dir())
        self.assertEqual(len(folders), 9)
        for method, option, value, name in (("wanda", "--sparsity", "0.7", "wanda-0-0-0.7"),
                                            ("sparsegpt", "--sparsity", "0.5", "sparsegpt-0-0-0.5"),
                                            ("sparsegpt", "--pattern", "2:4", "sparsegpt-2-4-0.5")):
            self.prune("one", "--method", method, option, value)
            self.assertEqual(tree_digest(self.folder / "one"), tree_digest(self.folder / "all" / name), name)
            shutil.rmtree(self.folder / "one")

    def test_script_tree(self):
        self.prune("t", "--method", "magnitude", "--sparsity", 0.5, "--pattern", "2:4", "--format", "hf,pt")
        files = [str(path.relative_to(self.folder)) for path in (self.folder / "t").rglob("*.pt")]
        self.assertEqual(len(files), 84)
        self.assertTrue(any(f.endswith("magnitude_unstructured/layer-0/layer0-mlp.down_proj-0-0-0.5.pt") for f in files))
        self.assertTrue(any(f.endswith("magnitude_2-4/layer-5/layer5-self_attn.q_proj-2-4-0.5.pt") for f in files))

    def test_dry_run_writes_nothing(self):
        plan = self.prune("dry", "--method", "sparsegpt", "--sparsity", 0.5, "--dry-run", "--json").json()
        self.assertEqual([path.name for path in self.folder.iterdir()], ["calib.npy"])
        self.assertEqual(len(plan["layers"]), 6)
        for key in ("parameters", "memory", "bytes_to_write", "estimated_seconds"):
            self.assertIn(key, plan)

    def test_outputs_never_clash_with_inputs_or_results(self):
        options = ("--method", "magnitude", "--sparsity", 0.5, "--calib", self.calib, "--samples", 4, "--seqlen", 32)
        model = self.folder / "model"
        shutil.copytree(MODEL, model)
        before = tree_digest(model)
        (self.folder / "link").symlink_to(model)
        for out in (model, model / "out", self.folder / "link"):
            self.fails(2, "E0207", "prune", model, *options, "--out", out)
        self.prune("done", "--method", "magnitude", "--sparsity", 0.5)
        self.fails(1, "E0204", "prune", MODEL, *options, "--out", self.folder / "done")
        self.assertEqual(tree_digest(model), before)

    def test_wrong_input_is_named(self):
        out = ("--out", self.folder / "x")
        self.fails(2, "E0601", "prune", MODEL, "--method", "magnitude", "--sparsity", "1.0", *out)
        self.fails(2, "E0601", "prune", MODEL, "--method", "magnitude", "--pattern", "4:2", *out)
        self.fails(2, "E0101", "prune", MODEL, "--method", "magic", "--sparsity", "0.5", *out)
        self.fails(2, "E0102", "prune", MODEL, "--method", "wanda", "--sparsity", "0.5", *out)
        self.fails(1, "E0201", "prune", self.folder / "absent", "--method", "magnitude", "--sparsity", "0.5", *out)
        self.fails(1, "E0506", "prune", MODEL, "--method", "wanda", "--sparsity", "0.5", "--calib", self.calib, *out)
        np.save(self.folder / "bad.npy", np.full((4, 32), 8192, np.int32))
        self.fails(1, "E0505", "prune", MODEL, "--method", "wanda", "--sparsity", "0.5", "--calib",
                   self.folder / "bad.npy", "--samples", 4, "--seqlen", 32, *out)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["bad.npy", "calib.npy"])

    def test_verify_derives_the_output_again(self):
        self.prune("v", "--method", "sparsegpt", "--sparsity", 0.5)
        self.assertTrue(self.ok("verify", self.folder / "v", "--json").json()["identical"])
        path = self.folder / "v/model.safetensors"
        raw = bytearray(path.read_bytes())
        raw[-1] ^= 1
        path.write_bytes(raw)
        self.fails(1, "E0605", "verify", self.folder / "v")

    def test_rerun_repeats_the_recipe(self):
        self.prune("first", "--method", "sparsegpt", "--pattern", "2:4", "--seed", 3)
        result = self.ok("rerun", self.folder / "first", "--out", self.folder / "again", "--json").json()
        self.assertEqual(result["runs"][0]["method"], "sparsegpt")
        first, again = (tree_digest(self.folder / name) for name in ("first", "again"))
        records = [json.loads((self.folder / name / "lacuna.json").read_text()) for name in ("first", "again")]
        for digests, record in zip((first, again), records):
            del digests["lacuna.json"]
            del record["recipe"]["calibration"]  # where the tokens came from, for people
        self.assertEqual(first, again)
        self.assertEqual(records[0], records[1])
        self.fails(1, "E0204", "rerun", self.folder / "first", "--out", self.folder / "again")
        self.fails(1, "E0201", "rerun", self.folder, "--out", self.folder / "x")

    def test_rerun_of_another_model_or_other_tokens_is_refused_before_it_begins(self):
        self.prune("first", "--method", "wanda", "--sparsity", 0.5)
        before = sorted(path.name for path in self.folder.iterdir())
        other = self.folder / "first"  # itself pruned: other weights
        self.fails(1, "E0603", "rerun", self.folder / "first", "--model", other, "--out", self.folder / "x")
        tokens = np.load(self.folder / "first/lacuna_calibration.npy")
        tokens[0, 0] ^= 1
        np.save(self.folder / "first/lacuna_calibration.npy", tokens)
        self.fails(1, "E0603", "rerun", self.folder / "first", "--out", self.folder / "x")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), before)

    def test_model_card(self):
        self.prune("w", "--method", "wanda", "--sparsity", 0.5)
        card = (self.folder / "w/README.md").read_text()
        _, header, body = card.split("---\n", 2)
        self.assertIn('base_model: "tiny-llama"\n', header)
        self.assertIn("tags:\n- pruned\n- sparse\n- wanda\n", header)
        self.assertNotIn("license", header)  # not known, and not ours to choose
        self.assertIn("| target | 50% |", body)
        self.assertRegex(body, r"\| self_attn.q_proj \| \d+ \| 50.00 % \| 0\.\d{4} \|")
        self.assertIn("without a licence file", body)
        self.assertNotIn(str(MODEL.parent), card)

    def test_a_card_of_the_input_stays_and_one_of_ours_is_renewed(self):
        model = self.folder / "model"
        shutil.copytree(MODEL, model)
        (model / "LICENSE.txt").write_text("terms")
        options = ("--method", "magnitude", "--sparsity")
        self.ok("prune", model, *options, 0.5, "--out", self.folder / "first")
        self.assertIn("[LICENSE.txt](LICENSE.txt)", (self.folder / "first/README.md").read_text())
        self.ok("prune", self.folder / "first", *options, 0.7, "--out", self.folder / "second")
        self.assertIn("# first, pruned to 70% with magnitude", (self.folder / "second/README.md").read_text())
        (model / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
        self.ok("prune", model, *options, 0.5, "--out", self.folder / "third")
        self.assertEqual((self.folder / "third/README.md").read_text(), (model / "README.md").read_text())

    @unittest.skipUnless(ORACLE.exists(), "needs the oracle environment")
    def test_transformers_loads_the_output(self):
        self.prune("hf", "--method", "wanda", "--pattern", "2:4")
        script = ("import sys, torch, transformers\n"
                  "model = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], torch_dtype=torch.float32)\n"
                  "print(float((model.model.layers[3].mlp.up_proj.weight == 0).float().mean()))")
        run = subprocess.run([ORACLE, "-c", script, self.folder / "hf"], capture_output=True, text=True,
                             env={**os.environ, "HF_HUB_OFFLINE": "1"})
        self.assertEqual(run.returncode, 0, run.stderr[-2000:])
        self.assertAlmostEqual(float(run.stdout.split()[-1]), 0.5, delta=1e-3)


@needs_shared("golden/reference.json")
class PruneGolden(CliTest):
    """First 32 × 256 of the golden calibration set, against the reference code's masks."""

    # 2:4 SparseGPT on this model meets two pairs of nearly equal scores: layer 1 v_proj row 11 (they differ by 3.7e-6 of
    # their size) and layer 3 down_proj row 190 (1.2e-6, where the golden choice is not that of exact arithmetic). The
    # reference procedure in f64 agrees to 0.998201; a flip of the first pair leaves 0.9904, and f32 rounding, which
    # differs between processors, makes it now and then. tests/study/golden_masks_test.cpp holds every linear to 99.9 %.
    AT_LEAST = {"magnitude-0-0-0.5": 1.0, "magnitude-2-4-0.5": 1.0, "wanda-0-0-0.5": 0.999, "wanda-2-4-0.5": 0.999,
                "sparsegpt-0-0-0.5": 0.999, "sparsegpt-2-4-0.5": 0.985}

    def test_tiny_llama_masks(self):
        self.ok("prune", SHARED / "models/tiny-llama", "--method", "magnitude,wanda,sparsegpt", "--sparsity", "0.5",
                "--pattern", "2:4", "--calib", CALIB, "--samples", 32, "--seqlen", 256, "--out", self.folder / "g")
        for run, floor in self.AT_LEAST.items():
            share = mask_agreement(self.folder / "g" / run, SHARED / f"golden/tiny-llama.{run}.masks.npz")
            self.assertGreaterEqual(share, floor, run)


if __name__ == "__main__":
    unittest.main()
