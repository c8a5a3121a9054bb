"""`lacuna neighbours`, `gradient`, `pairs`, `groups`, `coherence` from outside, against the definitions in numpy."""
import signal
import subprocess
import time
import unittest

import numpy as np

from lacuna_cli import BIN, MODEL, CliTest, lacuna


def hamming(kept):
    """N×N rows that differ, of the columns of a boolean matrix."""
    bits = kept.T.astype(np.int64)
    ones = bits.sum(axis=1)
    return ones[:, None] + ones[None] - 2 * bits @ bits.T


def nearest(distances, feature, n):
    order = np.argsort(distances[feature], kind="stable")
    return [feature, *(int(j) for j in order if j != feature)][:n]


class Structure(CliTest):
    def matrix(self, rows=60, cols=45, density=0.5, name="w.npy"):
        random = np.random.default_rng(3)
        weights = random.standard_normal((rows, cols)).astype(np.float32) * (random.random((rows, cols)) < density)
        np.save(self.folder / name, weights)
        return self.folder / name, weights != 0

    def run_json(self, command, *arguments, null=9):
        return self.ok(command, *arguments, "--null", null, "--json").json()

    def test_neighbours_of_a_feature_follow_the_definition(self):
        path, kept = self.matrix()
        distances = hamming(kept)
        document = self.run_json("neighbours", path, "--feature", 7, "--n", 12)
        self.assertEqual((document["feature"], document["seed"]), (7, 0))
        self.assertEqual(document["indices"], nearest(distances, 7, 12))
        np.testing.assert_allclose(document["distances"], distances[7][document["indices"]] / 60, rtol=1e-15)
        observed = document["null"]["mean_distance"]
        self.assertAlmostEqual(observed["observed"], np.mean(document["distances"][1:]), places=12)
        self.assertEqual((document["null"]["model"], document["null"]["draws"]), ("margins", 9))
        self.assertTrue(0.1 <= observed["p"] <= 1)

    def test_neighbours_of_all_in_one_table(self):
        path, kept = self.matrix()
        distances = hamming(kept)
        document = self.run_json("neighbours", path, "--all", "--n", 5)
        self.assertEqual(len(document["neighbours"]), 45)
        for entry in document["neighbours"]:
            self.assertEqual(entry["indices"], nearest(distances, entry["feature"], 5))
        out = self.folder / "graph.csv"
        self.ok("neighbours", path, "--all", "--n", 5, "--null", 0, "-o", out)
        table = np.loadtxt(out, delimiter=",", skiprows=1)
        self.assertEqual(table.shape, (45 * 5, 4))
        np.testing.assert_array_equal(table[::5, 0], table[::5, 2])  # rank 0 is the feature itself

    def test_rows_may_be_the_features(self):
        path, kept = self.matrix()
        document = self.run_json("neighbours", path, "--axis", "rows", "--feature", 2, "--n", 4)
        self.assertEqual(document["indices"], nearest(hamming(kept.T), 2, 4))

    def test_gradient_ascends_and_draws(self):
        path, kept = self.matrix()
        picture = self.folder / "g.png"
        document = self.run_json("gradient", path, "--feature", 3, "--n", 20, "-o", picture)
        self.assertEqual((document["feature"], document["indices"][0], len(set(document["indices"]))), (3, 3, 21))
        np.testing.assert_allclose(document["distances"], hamming(kept)[3][document["indices"]] / 60, rtol=1e-15)
        self.assertEqual(document["distances"], sorted(document["distances"]))
        self.assertEqual(picture.read_bytes()[:4], b"\x89PNG")

    def test_pairs_follow_the_definition(self):
        path, kept = self.matrix()
        shares = hamming(kept) / 60
        upper = shares[np.triu_indices(45, 1)]
        out = self.folder / "d.npy"
        document = self.run_json("pairs", path, "-o", out)
        self.assertEqual((document["features"], document["rows"]), (45, 60))
        for key, value in (("mean", upper.mean()), ("mean_with_diagonal", shares.mean()), ("min", upper.min()),
                           ("max", upper.max())):
            self.assertAlmostEqual(document[key], value, places=12)
        values, counts = np.unique(upper, return_counts=True)
        np.testing.assert_allclose(document["cdf"], np.stack([values, counts.cumsum() / counts.sum()], 1), rtol=1e-12)
        np.testing.assert_array_equal(np.load(out), (hamming(kept).astype(np.float32) / np.float32(60)))
        band = np.array(document["null"]["cdf_band"])
        self.assertTrue((band[:, 1] <= band[:, 2]).all())

    def test_groups_are_a_partition_with_the_metrics_of_the_definition(self):
        path, kept = self.matrix()
        distances = hamming(kept)
        document = self.run_json("groups", path, "--size", 8, "--seed", 5)
        unused = set(range(45))
        for group in document["groups"]:
            seed = group["seed_feature"]
            rest = sorted(unused - {seed}, key=lambda j: (distances[seed][j], j))
            self.assertEqual(group["features"], [seed, *rest[:7]])
            unused -= set(group["features"])
            rows = kept[:, group["features"]]
            kinds, counts = np.unique(rows, axis=0, return_counts=True)
            size = len(group["features"])
            self.assertEqual(group["zeros"], int((~rows).all(axis=1).sum()))
            self.assertEqual(group["ones"], int(rows.all(axis=1).sum()))
            self.assertEqual(group["unique_rows"], len(kinds))
            self.assertEqual(group["duplicates"], int((counts > 1).sum()))
            self.assertEqual(group["total_dups"], 60 - len(kinds))
            self.assertAlmostEqual(group["density"], rows.mean(), places=12)
            block = distances[np.ix_(group["features"], group["features"])]
            self.assertAlmostEqual(group["mean_pairwise_distance"], block.mean() / 60, places=12)
            self.assertAlmostEqual(group["mean_distance"], block.sum() / (size * (size - 1)) / 60, places=12)
        self.assertEqual((unused, document["seed"]), (set(), 5))
        sampled = self.run_json("groups", path, "--sample", 64)["groups"]
        self.assertEqual(len(sampled), 45)  # no more than there are features

    def coherence(self, kept, order, block):
        return [(~kept[:, order[i:i + block]]).all(axis=1).mean() for i in range(0, len(order), block)]

    def test_coherence_of_every_order(self):
        path, kept = self.matrix(density=0.2)
        stored = self.run_json("coherence", path)
        self.assertEqual((stored["order"], stored["block"], stored["seed"]), ("stored", 8, 0))
        np.testing.assert_allclose(stored["groups"], self.coherence(kept, range(45), 8), rtol=1e-12)
        self.assertAlmostEqual(stored["mean"], np.mean(stored["groups"]), places=12)
        self.assertAlmostEqual(stored["expected_independent"], (1 - kept.mean()) ** 8, places=12)
        self.assertEqual(set(stored["null"]) >= {"model", "draws", "mean", "std", "z", "p"}, True)
        gradient = self.run_json("coherence", path, "--order", "gradient", "--feature", 4, "--block", 4)
        np.testing.assert_allclose(gradient["groups"], self.coherence(kept, nearest(hamming(kept), 4, 45), 4), rtol=1e-12)
        grouped = self.run_json("coherence", path, "--order", "groups", "--seed", 5)
        order = sum((g["features"] for g in self.run_json("groups", path, "--seed", 5)["groups"]), [])
        np.testing.assert_allclose(grouped["groups"], self.coherence(kept, order, 8), rtol=1e-12)
        reversed_order = np.arange(45)[::-1].copy()
        np.save(self.folder / "order.npy", reversed_order)
        (self.folder / "order.txt").write_text("\n".join(map(str, reversed_order)))
        for name in ("order.npy", "order.txt"):
            given = self.run_json("coherence", path, "--order", self.folder / name)
            np.testing.assert_allclose(given["groups"], self.coherence(kept, reversed_order, 8), rtol=1e-12)

    def test_planted_structure_is_found_and_noise_is_not_called_structure(self):
        random = np.random.default_rng(5)
        kinds = random.random((200, 6)) < 0.5
        planted = kinds[:, random.permutation(48) % 6] ^ (random.random((200, 48)) < 0.05)
        np.save(self.folder / "planted.npy", planted.astype(np.float32))
        noise, _ = self.matrix(200, 48, name="noise.npy")
        for model in ("columns", "margins"):
            found = self.ok("coherence", self.folder / "planted.npy", "--order", "groups", "--null-model", model, "--json").json()
            self.assertLess(found["null"]["p"], 0.01)
            self.assertGreater(found["null"]["z"], 5)
            # p of this one mask of noise; over many masks a unit test shows that it is uniform
            self.assertGreater(self.ok("coherence", noise, "--order", "groups", "--null-model", model, "--json").json()["null"]["p"], 0.01)

    def test_n_m_matrices_get_the_null_that_keeps_the_pattern(self):
        random = np.random.default_rng(6)
        kept = np.argsort(random.random((40, 16, 4)), axis=2) < 2
        np.save(self.folder / "nm.npy", kept.reshape(40, 64).astype(np.float32))
        null = self.run_json("coherence", self.folder / "nm.npy")["null"]
        self.assertEqual((null["model"], null["m"]), ("pattern", 4))
        path, _ = self.matrix()
        self.fails(2, "E0101", "pairs", path, "--null-model", "pattern")

    def test_no_statistic_without_its_null_unless_asked(self):
        path, _ = self.matrix()
        for command in ("neighbours", "gradient", "pairs", "groups", "coherence"):
            with self.subTest(command):
                self.assertIn("By chance: 100 draws", self.ok(command, path).out)
                self.assertNotIn("chance", self.ok(command, path, "--null", 0).out)
                self.assertIsNone(self.ok(command, path, "--null", 0, "--json").json()["null"])

    def test_the_seed_decides_and_threads_do_not(self):
        path, _ = self.matrix()
        for command in ("neighbours", "gradient", "groups"):
            one = self.ok(command, path, "--json", "--seed", 4, "--threads", 1).out
            self.assertEqual(self.ok(command, path, "--json", "--seed", 4, "--threads", 3).out, one)
            self.assertNotEqual(self.ok(command, path, "--json", "--seed", 5).out, one)

    def test_a_model_needs_a_choice(self):
        self.assertIn("--matrix", self.fails(2, "E0102", "pairs", MODEL).err)
        document = self.run_json("pairs", MODEL, "--matrix", "0.self_attn.q_proj", null=2)
        self.assertEqual((document["layer"], document["component"]), (0, "self_attn.q_proj"))

    def test_bad_input_is_refused(self):
        path, _ = self.matrix()
        self.fails(2, "E0101", "neighbours", path, "--feature", 45)
        self.fails(2, "E0101", "groups", path, "--size", 65)
        self.fails(2, "E0101", "coherence", path, "--block", 0)
        for text in ("0 1 2", "0 1 x", " ".join(["0"] * 45)):
            (self.folder / "order.txt").write_text(text)
            self.fails(2, "E0101", "coherence", path, "--order", self.folder / "order.txt")
        self.fails(1, "E0201", "coherence", path, "--order", self.folder / "absent.txt")
        self.fails(2, "E0207", "pairs", path, "-o", path)

    def test_interruption_leaves_nothing(self):
        path, _ = self.matrix(600, 900)
        out = self.folder / "graph.csv"
        run = subprocess.Popen([BIN, "neighbours", path, "--all", "--n", "20", "--null", "10000000", "-o", out],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(run.kill)
        time.sleep(1.0)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130, err)
        self.assertEqual([p.name for p in self.folder.iterdir()], ["w.npy"])


if __name__ == "__main__":
    unittest.main()
