"""`lacuna ablate` from outside, against numpy on the scripts' files."""
import unittest

import numpy as np

from lacuna_cli import MODEL, CliTest
from weights import linear_name, read_model


class Ablate(CliTest):
    def setUp(self):
        super().setUp()
        self.db = self.folder / "sparsity.db"

    def prune(self, method, *target):
        out = self.folder / f"{method}{'-'.join(map(str, target)).replace(':', '-')}"
        self.ok("prune", MODEL, "--method", method, *target, "--out", out)
        return out

    def test_pairs_differ_in_one_thing_and_follow_the_definition(self):
        half, most = self.prune("magnitude", "--sparsity", 0.5), self.prune("magnitude", "--sparsity", 0.75)
        pattern = self.prune("magnitude", "--pattern", "2:4")
        document = self.ok("ablate", half, most, pattern, "--json").json()
        self.assertEqual([v["label"] for v in document["variants"]],
                         ["magnitude 50%", "magnitude 75%", "magnitude 2:4"])
        self.assertEqual({(p["a"], p["b"], p["across"]) for p in document["pairs"]},
                         {("magnitude 50%", "magnitude 75%", "sparsities"),
                          ("magnitude 50%", "magnitude 2:4", "patterns"),
                          ("magnitude 75%", "magnitude 2:4", "patterns")})
        self.assertEqual(len(document["pairs"]), 3 * 7)
        [pair] = [p for p in document["pairs"] if p["projection"] == "up_proj" and p["across"] == "sparsities"]
        a, b = read_model(half), read_model(most)
        means = []
        for layer in range(pair["layers"]):
            name = linear_name(a, f"{layer}.mlp.up_proj")
            x, y = a[name] != 0, b[name] != 0
            either = (x | y).sum(axis=0)
            means.append(np.mean((x & y).sum(axis=0) / np.maximum(either, 1)))
        self.assertAlmostEqual(pair["jaccard"]["mean"], np.mean(means), places=9)
        self.assertAlmostEqual(pair["jaccard"]["std"], np.std(means), places=9)
        self.assertAlmostEqual(pair["chance"]["jaccard"], 0.125 / (0.75 - 0.125), places=12)
        self.assertAlmostEqual(pair["chance"]["hamming"], 0.75 - 2 * 0.125, places=12)

    def test_a_tree_of_the_scripts_gives_all_its_variants(self):
        random = np.random.default_rng(1)
        for method, sparsity in (("wanda", 0.5), ("wanda", 0.25), ("sparsegpt", 0.5)):
            for layer in (0, 1):
                folder = self.folder / f"data/{method}_unstructured/layer-{layer}"
                folder.mkdir(parents=True, exist_ok=True)
                weights = random.standard_normal((8, 12)).astype(np.float32) * (random.random((8, 12)) > sparsity)
                source = self.folder / f"layer{layer}-mlp.up_proj-0-0-{sparsity}.npy"
                np.save(source, weights)
                self.ok("threshold", source, "--threshold", 0, "-o", self.folder / "made")
                written = next((self.folder / "made").rglob("*.pt"))
                written.rename(folder / f"layer{layer}-mlp.up_proj-0-0-{sparsity}.pt")
                for path in sorted((self.folder / "made").rglob("*"), reverse=True):
                    path.rmdir() if path.is_dir() else path.unlink()
                (self.folder / "made").rmdir()
        document = self.ok("ablate", self.folder / "data", "--json").json()
        self.assertEqual(sorted(v["label"] for v in document["variants"]),
                         ["sparsegpt 50%", "wanda 25%", "wanda 50%"])
        self.assertEqual(sorted((p["across"], p["layers"]) for p in document["pairs"]),
                         [("methods", 2), ("sparsities", 2)])
        self.assertEqual(len(self.ok("ablate", self.folder / "data", "--all", "--json").json()["pairs"]), 3)

    def test_figures_hold_every_variant(self):
        half, most = self.prune("magnitude", "--sparsity", 0.5), self.prune("magnitude", "--sparsity", 0.75)
        page, spec = self.folder / "a.html", self.folder / "a.json"
        self.ok("ablate", half, most, "-o", page)
        self.assertIn("magnitude 75%", page.read_text())
        self.ok("ablate", half, most, "--metric", "hamming", "-o", spec)
        self.assertIn("Hamming distance", spec.read_text())

    def test_a_folder_gives_the_models_in_it(self):
        folder = self.folder / "study"
        folder.mkdir()
        for place, target in (("a", ["--sparsity", 0.5]), ("deeper/b", ["--sparsity", 0.75]), ("c", ["--pattern", "2:4"])):
            (folder / place).parent.mkdir(exist_ok=True)
            self.ok("prune", MODEL, "--method", "magnitude", *target, "--out", folder / place)
        (folder / "loop").symlink_to(folder)
        document = self.ok("ablate", folder, "--json").json()
        self.assertEqual([v["label"] for v in document["variants"]], ["magnitude 50%", "magnitude 2:4", "magnitude 75%"])
        path = self.folder / "ablation.json"
        path.write_text(self.ok("ablate", folder, "--all", "--json").out)
        for figure, text in (("ablation", "magnitude 75%"), ("ablation-patterns", "50% and 2:4"),
                             ("ablation-sparsities", "50% and 75%")):
            self.ok("plot", figure, path, "-o", self.folder / "figure.json")
            self.assertIn(text, (self.folder / "figure.json").read_text())

    def test_what_was_measured_is_stored_and_read_back(self):
        half, most = self.prune("magnitude", "--sparsity", 0.5), self.prune("magnitude", "--sparsity", 0.75)
        measured = self.ok("ablate", half, most, "--db", self.db, "--json").json()
        stored = self.ok("ablate", self.db, "--json").json()
        self.assertEqual(stored["pairs"], measured["pairs"])
        self.ok("ablate", half, most, "--db", self.db)  # again replaces
        [row] = self.ok("query", "select (select count(*) from runs) as runs, (select count(*) from matrices) as matrices, "
                        "(select count(*) from comparisons) as comparisons", "--db", self.db, "--json").json()
        self.assertEqual((row["runs"], row["matrices"], row["comparisons"]), (2, 84, 42))
        self.fails(2, "E0101", "ablate", self.db, "--db", self.folder / "other.db")

    def test_a_folder_without_variants_says_what_it_holds(self):
        folder = self.folder / "empty"
        (folder / "notes").mkdir(parents=True)
        (folder / "readme.txt").write_text("x")
        self.assertIn("1 file and 1 folder: notes, readme.txt", self.fails(1, "E0801", "ablate", folder).err)

    def test_one_variant_is_not_enough(self):
        self.fails(2, "E0101", "ablate", MODEL)


if __name__ == "__main__":
    unittest.main()
