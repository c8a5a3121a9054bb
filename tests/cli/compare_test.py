"""`lacuna compare`, `show` and `mask` from outside, against the definitions written in numpy."""
import shutil
import unittest

import numpy as np

from lacuna_cli import MODEL, CliTest, SHARED, needs_shared, tree_digest
from weights import read_model


def similarity(a, b, axis):
    """Jaccard, cosine, hamming of each feature: rows (axis 1 is summed) or columns (axis 0)."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    kept_a, kept_b = a != 0, b != 0
    union = (kept_a | kept_b).sum(axis=axis)
    jaccard = np.where(union == 0, 0, (kept_a & kept_b).sum(axis=axis) / np.maximum(union, 1))
    norms = np.sqrt((a * a).sum(axis=axis) * (b * b).sum(axis=axis))
    cosine = np.where(norms == 0, 0, (a * b).sum(axis=axis) / np.where(norms == 0, 1, norms))
    return jaccard, cosine, (kept_a != kept_b).mean(axis=axis)


class Compare(CliTest):
    def matrices(self):
        random = np.random.default_rng(1)
        a, b = (random.standard_normal((24, 40)).astype(np.float32) * (random.random((24, 40)) < 0.5) for _ in range(2))
        a[3] = b[3] = 0  # empty union
        np.save(self.folder / "a.npy", a)
        np.save(self.folder / "b.npy", b)
        return a, b

    def test_two_files_follow_the_definitions(self):
        a, b = self.matrices()
        document = self.ok("compare", self.folder / "a.npy", self.folder / "b.npy", "--json").json()
        (matrix,) = document["matrices"]
        self.assertEqual((matrix["axis"], matrix["features"], document["unpaired"]), ("columns", 40, []))
        for name, expected in zip(("jaccard", "cosine", "hamming"), similarity(a, b, 0)):
            np.testing.assert_allclose(matrix[name]["per_feature"], expected, rtol=1e-6, atol=1e-7)  # f32 vectors
            self.assertAlmostEqual(matrix[name]["mean"], expected.mean(), places=12)
            self.assertAlmostEqual(matrix[name]["std"], expected.std(ddof=0), places=12)

    def test_the_scripts_files_say_what_a_feature_is(self):
        for method in ("magnitude", "wanda"):
            np.save(self.folder / "calib.npy", np.arange(5, 69, dtype=np.int32).reshape(2, 32))
            self.ok("prune", MODEL, "--method", method, "--sparsity", "0.5", "--out", self.folder / method, "--format", "pt",
                    "--calib", self.folder / "calib.npy", "--samples", 2, "--seqlen", 32)
        for component, axis in (("mlp.down_proj", "rows"), ("mlp.up_proj", "columns")):
            files = [self.folder / method / f"data/{method}_unstructured/layer-0/layer0-{component}-0-0-0.5.pt"
                     for method in ("magnitude", "wanda")]
            (matrix,) = self.ok("compare", *files, "--json").json()["matrices"]
            self.assertEqual((matrix["layer"], matrix["component"], matrix["axis"]), (0, component, axis))

    def test_models_pair_by_layer_and_component(self):
        for method in ("magnitude",):
            self.ok("prune", MODEL, "--method", method, "--sparsity", "0.5", "--out", self.folder / method, "--format", "hf,pt")
        document = self.ok("compare", MODEL, self.folder / "magnitude", "--summary", "--json").json()
        self.assertEqual(len(document["matrices"]), 42)
        dense, pruned = read_model(MODEL), read_model(self.folder / "magnitude")
        matrix = next(m for m in document["matrices"] if (m["layer"], m["component"]) == (2, "mlp.down_proj"))
        name = "model.layers.2.mlp.down_proj.weight"
        for metric, expected in zip(("jaccard", "cosine", "hamming"), similarity(dense[name], pruned[name], 1)):
            self.assertAlmostEqual(matrix[metric]["mean"], expected.mean(), places=9)
        tree = self.folder / "magnitude/data/magnitude_unstructured"
        mixed = self.ok("compare", tree, self.folder / "magnitude", "--summary", "--json").json()
        self.assertEqual(len(mixed["matrices"]), 42)
        self.assertTrue(all(m["jaccard"]["mean"] == 1 and m["hamming"]["mean"] == 0 for m in mixed["matrices"]))
        shutil.rmtree(tree / "layer-0")
        partial = self.ok("compare", tree, self.folder / "magnitude", "--summary", "--json").json()
        self.assertEqual((len(partial["matrices"]), len(partial["unpaired"])), (35, 7))

    def test_more_than_two_give_all_pairs(self):
        self.matrices()
        a, b = self.folder / "a.npy", self.folder / "b.npy"
        document = self.ok("compare", a, b, a, "--json").json()
        jaccard = np.array(document["jaccard"])
        self.assertEqual(jaccard.shape, (3, 3))
        np.testing.assert_array_equal(jaccard, jaccard.T)
        self.assertEqual(len(document["pairs"]), 3)

    def test_shape_mismatch_names_both(self):
        np.save(self.folder / "x.npy", np.ones((3, 4), np.float32))
        np.save(self.folder / "y.npy", np.ones((4, 3), np.float32))
        error = self.fails(1, "E0504", "compare", self.folder / "x.npy", self.folder / "y.npy").err
        for part in ("x.npy", "y.npy", "[3, 4]", "[4, 3]"):
            self.assertIn(part, error)


class Masks(CliTest):
    def test_algebra_of_masks(self):
        random = np.random.default_rng(2)
        kept = {}
        for name in "ab":
            weights = random.standard_normal((7, 13)) * (random.random((7, 13)) < 0.5)
            kept[name] = weights != 0
            np.save(self.folder / f"{name}.npy", weights)
            self.ok("mask", "extract", self.folder / f"{name}.npy", "-o", self.folder / f"{name}.safetensors")
        shutil.move(self.folder / "b.safetensors", self.folder / "other.safetensors")
        np.save(self.folder / "a2.npy", np.load(self.folder / "b.npy"))
        (self.folder / "sub").mkdir()
        shutil.copy(self.folder / "b.npy", self.folder / "sub/a.npy")  # a mask of the same name
        self.ok("mask", "extract", self.folder / "sub/a.npy", "-o", self.folder / "b.safetensors")
        for operation, expected in (("and", kept["a"] & kept["b"]), ("or", kept["a"] | kept["b"]), ("xor", kept["a"] ^ kept["b"])):
            (mask,) = self.ok("mask", operation, self.folder / "a.safetensors", self.folder / "b.safetensors", "-o",
                              self.folder / f"{operation}.safetensors", "--json").json()["masks"]
            self.assertAlmostEqual(mask["kept"], expected.mean(), places=12)
            (compared,) = self.ok("compare", self.folder / f"{operation}.safetensors", self.folder / "a.npy",
                                  "--json").json()["matrices"]
            self.assertAlmostEqual(compared["matrix"]["hamming"], (expected != kept["a"]).mean(), places=12)
        (mask,) = self.ok("mask", "not", self.folder / "a.safetensors", "-o", self.folder / "n.safetensors", "--json").json()["masks"]
        self.assertAlmostEqual(mask["kept"], (~kept["a"]).mean(), places=12)

    def test_applying_the_mask_of_a_pruned_model_gives_that_model(self):
        self.ok("prune", MODEL, "--method", "magnitude", "--pattern", "2:4", "--out", self.folder / "m")
        self.ok("mask", "extract", self.folder / "m", "-o", self.folder / "mask.safetensors")
        self.ok("mask", "apply", MODEL, self.folder / "mask.safetensors", "-o", self.folder / "applied")
        tells_of_pruning = ("lacuna", "README.md")  # the record, its calibration tokens, the model card
        expected = {name: digest for name, digest in tree_digest(self.folder / "m").items()
                    if not name.startswith(tells_of_pruning)}
        self.assertEqual(tree_digest(self.folder / "applied"), expected)

    def test_masks_that_do_not_meet_are_named(self):
        np.save(self.folder / "x.npy", np.ones((2, 8)))
        self.ok("mask", "extract", self.folder / "x.npy", "-o", self.folder / "x.safetensors")
        self.fails(1, "E0503", "mask", "apply", MODEL, self.folder / "x.safetensors", "-o", self.folder / "out")
        self.assertFalse((self.folder / "out").exists())
        self.assertEqual([path.name for path in self.folder.glob("*partial*")], [])


class Show(CliTest):
    def test_patterns_are_detected(self):
        self.ok("prune", MODEL, "--method", "magnitude", "--pattern", "4:8", "--out", self.folder / "m")
        document = self.ok("show", self.folder / "m", "--json").json()
        patterns = {t["name"]: t["pattern"] for t in document["tensors"]}
        self.assertEqual(patterns["model.layers.1.mlp.gate_proj.weight"], "4:8")
        self.assertEqual(patterns["model.embed_tokens.weight"], "dense")
        self.assertIn("4:8", self.ok("show", self.folder / "m").out)

    @needs_shared("pt")
    def test_everything_in_shared_pt_opens_or_is_refused_with_a_reason(self):
        opened = refused = 0
        for path in sorted((SHARED / "pt").rglob("*.*")):
            with self.subTest(path.name):
                from lacuna_cli import lacuna
                result = lacuna("show", path, "--json")
                if result.status == 0:
                    self.assertEqual(bool(result.json()["tensors"]), path.name != "config.pt", path)  # a dict of options
                    opened += 1
                else:
                    self.assertEqual(result.status, 1)
                    self.assertIn(str(path), result.err)
                    refused += 1
        self.assertGreater(opened, 8)
        self.assertGreater(refused, 0)


if __name__ == "__main__":
    unittest.main()
