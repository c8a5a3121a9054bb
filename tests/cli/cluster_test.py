"""`lacuna cluster` and `lacuna tsne` from outside, against the definitions written in numpy."""
import json
import unittest

import numpy as np

from lacuna_cli import MODEL, CliTest


def planted(rows, features, groups, noise, seed):
    """A matrix whose columns lie near `groups` random patterns."""
    random = np.random.default_rng(seed)
    centres = random.random((groups, rows)) < 0.5
    bits = centres[np.arange(features) % groups] ^ (random.random((features, rows)) < noise)
    return (bits.T * (1 + random.random((rows, features)))).astype(np.float32)


def hamming_metrics(patterns, labels):
    distance = (patterns[:, None, :] != patterns[None, :, :]).mean(axis=2)
    clusters = [np.flatnonzero(labels == c) for c in range(labels.max() + 1)]
    within = np.mean([distance[np.ix_(c, c)][np.triu_indices(len(c), 1)].mean() if len(c) > 1 else 0 for c in clusters])
    between = np.mean([distance[np.ix_(c, d)].mean() for i, c in enumerate(clusters) for d in clusters[i + 1:]])
    return within, between


class Cluster(CliTest):
    def matrix(self, **options):
        self.w = planted(**{"rows": 120, "features": 48, "groups": 4, "noise": 0.12, "seed": 1, **options})
        np.save(self.folder / "w.npy", self.w)
        return self.folder / "w.npy"

    def test_runs_follow_the_definitions(self):
        document = self.ok("cluster", self.matrix(), "--k", "2,4", "--n", 24, "--seeds", 3, "--seed", 7, "--null", 0, "--json").json()
        patterns = (self.w != 0).T
        self.assertEqual([(r["seed"], r["k"]) for r in document["runs"]], [(s, k) for s in (7, 8, 9) for k in (2, 4)])
        for run in document["runs"]:
            distance = (patterns != patterns[run["feature"]]).sum(axis=1)
            distance[run["feature"]] = -1
            self.assertEqual(run["indices"], np.argsort(distance, kind="stable")[:24].tolist())
            x, labels = patterns[run["indices"]].astype(float), np.array(run["labels"])
            self.assertEqual(run["sizes"], np.bincount(labels, minlength=run["k"]).tolist())
            centres = np.array([x[labels == c].mean(axis=0) for c in range(run["k"])])
            to_centre = np.linalg.norm(x - centres[labels], axis=1)
            self.assertAlmostEqual(run["inertia"], (to_centre ** 2).sum(), places=6)
            self.assertAlmostEqual(run["euclidean"]["within"], to_centre.mean(), places=9)
            apart = [np.linalg.norm(a - b) for i, a in enumerate(centres) for b in centres[i + 1:]]
            self.assertAlmostEqual(run["euclidean"]["between"], np.mean(apart), places=9)
            within, between = hamming_metrics(patterns[run["indices"]], labels)
            self.assertAlmostEqual(run["hamming"]["within"], within, places=12)
            self.assertAlmostEqual(run["hamming"]["between"], between, places=12)
            self.assertAlmostEqual(run["hamming"]["separation"], between / within, places=9)
        for summary in document["summary"]:
            values = [r["hamming"]["separation"] for r in document["runs"] if r["k"] == summary["k"]]
            self.assertAlmostEqual(summary["hamming"]["separation"]["mean"], np.mean(values), places=12)
            self.assertAlmostEqual(summary["hamming"]["separation"]["std"], np.std(values), places=12)
        self.assertIsNone(document["null"])

    def test_weights_may_be_clustered_instead(self):
        document = self.ok("cluster", self.matrix(), "--k", 4, "--n", 48, "--seeds", 1, "--on", "weights", "--json").json()
        (run,) = document["runs"]
        x, labels = self.w.T[run["indices"]].astype(float), np.array(run["labels"])
        inertia = sum(((x[labels == c] - x[labels == c].mean(axis=0)) ** 2).sum() for c in range(4))
        self.assertAlmostEqual(run["inertia"] / inertia, 1, places=9)
        for c in range(4):  # the planted groups
            self.assertEqual(len({i % 4 for i, label in zip(run["indices"], labels) if label == c}), 1)
        self.assertIsNone(document["null"])

    def test_planted_clusters_are_more_than_chance_and_random_masks_are_not(self):
        for model in ("columns", "margins"):
            for seeds in (1, 2):
                arguments = ["--k", 4, "--n", 32, "--seeds", seeds, "--null", 39, "--null-model", model, "--json"]
                found = self.ok("cluster", self.matrix(), *arguments).json()["null"]["separation_4"]
                self.assertAlmostEqual(found["p"], 1 / 40)
                self.assertGreater(found["z"], 3)
                noise = self.ok("cluster", self.matrix(groups=48, noise=0.5), *arguments).json()["null"]["separation_4"]
                self.assertGreater(noise["p"], 1 / 40, (model, seeds))

    def test_equal_on_any_number_of_threads(self):
        path = self.matrix(noise=0.3)
        arguments = ["cluster", path, "--k", "3,8", "--n", 40, "--seeds", 2, "--null", 5, "--null-model", "columns", "--json"]
        one, two = (self.ok(*arguments, "--threads", n).out for n in (1, 2))
        self.assertEqual(json.loads(one), json.loads(two))

    def test_a_model_needs_a_choice_of_matrix(self):
        self.fails(2, "E0102", "cluster", MODEL, "--null", 0)
        self.ok("cluster", MODEL, "--matrix", "0.mlp.down_proj", "--k", 4, "--seeds", 1, "--null", 0)
        path = self.matrix()
        self.fails(2, "E0101", "cluster", path, "--feature", 48, "--null", 0)
        self.fails(2, "E0101", "cluster", path, "--k", 40, "--n", 24, "--null", 0)
        self.fails(2, "E0101", "cluster", path, "--k", 0)


class Coherence(CliTest):
    def test_orders_by_clusters_find_scattered_blocks(self):
        np.save(self.folder / "w.npy", planted(200, 128, 16, 0.02, 4))
        found = {order: self.ok("coherence", self.folder / "w.npy", "--order", order, "--k", 16, "--null", 9, "--null-model",
                                "columns", "--json").json() for order in ("stored", "kmeans", "balanced")}
        self.assertLess(found["stored"]["mean"], 0.1)
        for order in ("kmeans", "balanced"):
            self.assertGreater(found[order]["mean"], 0.3)
            self.assertAlmostEqual(found[order]["null"]["p"], 0.1)
            self.assertLess(found[order]["null"]["mean"], 0.1)


class Tsne(CliTest):
    def test_planted_groups_stay_together(self):
        np.save(self.folder / "w.npy", planted(150, 60, 3, 0.1, 2))
        out = self.folder / "map.csv"
        document = self.ok("tsne", self.folder / "w.npy", "--all", "--perplexity", 10, "--k", 3, "-o", out, "--json").json()
        points = np.column_stack([document["x"], document["y"]])
        distance = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag([np.inf] * 60)
        np.testing.assert_array_equal(distance.argmin(axis=1) % 3, np.arange(60) % 3)
        self.assertEqual((document["method"], document["perplexity"], document["indices"]), ("exact", 10, list(range(60))))
        lines = out.read_text().splitlines()
        self.assertEqual((len(lines), lines[0]), (61, "feature,x,y,cluster"))
        again = self.ok("tsne", self.folder / "w.npy", "--all", "--perplexity", 10, "--k", 3, "--json", "--threads", 1).json()
        self.assertEqual(again["x"], document["x"])

    def test_barnes_hut_and_errors(self):
        np.save(self.folder / "w.npy", planted(80, 40, 2, 0.2, 3))
        fast = self.ok("tsne", self.folder / "w.npy", "--n", 30, "--feature", 3, "--perplexity", 5, "--method", "barnes-hut",
                       "--iterations", 200, "--json").json()
        self.assertEqual((fast["method"], fast["feature"], len(fast["x"])), ("barnes-hut", 3, 30))
        self.fails(2, "E0101", "tsne", self.folder / "w.npy", "--n", 30, "--perplexity", 30)
        self.fails(2, "E0101", "tsne", self.folder / "w.npy", "--feature", 40)


if __name__ == "__main__":
    unittest.main()
