"""`--db` of the analyses: what a command prints as JSON is what the database holds."""
import json
import unittest

import numpy as np

from lacuna_cli import MODEL, CliTest, lacuna


class AnalysisStore(CliTest):
    def setUp(self):
        super().setUp()
        random = np.random.default_rng(3)
        weights = random.standard_normal((60, 45)).astype(np.float32) * (random.random((60, 45)) < 0.5)
        self.matrix = self.folder / "layer2-mlp.up_proj-0-0-0.5.npy"
        np.save(self.matrix, weights)
        self.db = self.folder / "sparsity.db"

    def analyse(self, *arguments):
        return self.ok(*arguments, "--db", self.db, "--json").json()

    def rows(self, sql):
        return self.ok("query", sql, "--db", self.db, "--json").json()

    def check_statistics(self, document, names):
        """The statistics in the database are those under `null`, with their null model."""
        rows = {row["statistic"]: row for row in self.rows("FROM analysis_statistics")}
        for name in names:
            entry, row = document["null"][name], rows[name]
            self.assertEqual([row["value"], row["null_mean"], row["null_std"], row["z"], row["p"], row["p_holm"]],
                             [entry[key] for key in ("observed", "mean", "std", "z", "p", "p_holm")])
            self.assertEqual((row["null_model"], row["draws"]), ("margins", 9))

    def test_an_analysis_says_what_it_was_of(self):
        self.analyse("neighbours", self.matrix, "--feature", 7, "--n", 12, "--null", 9, "--seed", 5, "--threads", 1)
        [row] = self.rows("FROM analyses")
        self.assertEqual((row["command"], row["source"], row["component"], row["rows"], row["cols"], row["axis"],
                          row["seed"], row["run_id"], row["threads"]),
                         ("neighbours", str(self.matrix), str(row["component"]), 60, 45, "columns", 5, None, 1))
        self.assertEqual(json.loads(row["options"]), {"feature": 7, "n": 12, "all": False, "null": {
            "model": "margins", "draws": 9, "seed": 5}})
        self.assertGreaterEqual(row["elapsed_seconds"], 0)

    def test_neighbours(self):
        document = self.analyse("neighbours", self.matrix, "--feature", 7, "--n", 12, "--null", 9)
        rows = self.rows("FROM neighbour_lists ORDER BY rank")
        self.assertEqual([row["neighbour"] for row in rows], document["indices"])
        self.assertEqual([row["distance"] for row in rows], document["distances"])
        self.check_statistics(document, ["mean_distance", "nearest_distance"])

    def test_neighbours_of_all(self):
        document = self.analyse("neighbours", self.matrix, "--all", "--n", 3, "--null", 9)
        rows = self.rows("FROM neighbour_lists ORDER BY feature, rank")
        self.assertEqual([row["neighbour"] for row in rows],
                         [index for entry in document["neighbours"] for index in entry["indices"]])

    def test_gradient(self):
        document = self.analyse("gradient", self.matrix, "--n", 20, "--null", 9)
        rows = self.rows("FROM neighbour_lists ORDER BY rank")
        self.assertEqual([row["neighbour"] for row in rows], document["indices"])
        self.check_statistics(document, ["min", "mean", "max", "std"])

    def test_pairs(self):
        document = self.analyse("pairs", self.matrix, "--null", 9)
        rows = self.rows("FROM pair_distances ORDER BY distance")
        self.assertEqual([[row["distance"], row["share"]] for row in rows], document["cdf"])
        self.assertEqual([[row["distance"], row["null_low"], row["null_high"]] for row in rows],
                         document["null"]["cdf_band"])
        self.assertEqual(sum(row["pairs"] for row in rows), 45 * 44 // 2)
        self.check_statistics(document, ["mean", "std", "min", "max"])

    def test_groups_go_where_the_scripts_put_them(self):
        document = self.analyse("groups", self.matrix, "--size", 8, "--null", 9)
        rows = self.rows("FROM nearest_neighbor_metrics ORDER BY id")
        for row, group in zip(rows, document["groups"], strict=True):
            self.assertEqual([row[key] for key in ("zeros", "ones", "duplicates", "total_dups", "unique_rows",
                                                   "density", "mean_pairwise_distance", "feature_idx")],
                             [group[key] for key in ("zeros", "ones", "duplicates", "total_dups", "unique_rows",
                                                     "density", "mean_pairwise_distance", "seed_feature")])
            self.assertEqual(row["n_neighbors"], len(group["features"]))
        self.check_statistics(document, ["zeros", "ones", "unique_rows", "mean_pairwise_distance"])

    def test_coherence(self):
        document = self.analyse("coherence", self.matrix, "--order", "groups", "--null", 9)
        self.assertEqual([row["coherence"] for row in self.rows('FROM coherence_groups ORDER BY "group"')],
                         document["groups"])
        rows = {row["statistic"]: row for row in self.rows("FROM analysis_statistics")}
        self.assertEqual((rows["mean"]["value"], rows["mean"]["p"]), (document["mean"], document["null"]["p"]))
        self.assertEqual(rows["expected_independent"]["value"], document["expected_independent"])
        self.assertIsNone(rows["skipped"]["p"])

    def test_cluster(self):
        document = self.analyse("cluster", self.matrix, "--k", "2,4", "--n", 20, "--seeds", 2, "--inits", 2,
                                "--null", 9)
        rows = self.rows("FROM cluster_runs ORDER BY seed, k")
        for row, run in zip(rows, document["runs"], strict=True):
            for key in ("seed", "feature", "k", "inertia", "iterations"):
                self.assertEqual(row[key], run[key])
            for key in ("sizes", "indices", "labels"):
                self.assertEqual(json.loads(row[key]), run[key])
            for metric in ("hamming", "euclidean"):
                for key in ("within", "between", "separation"):
                    self.assertEqual(row[f"{metric}_{key}"], run[metric][key])
        self.check_statistics(document, ["separation_2", "separation_4"])

    def test_tsne(self):
        document = self.analyse("tsne", self.matrix, "--n", 20, "--iterations", 50)
        rows = self.rows("FROM embedding_points")
        self.assertEqual([[row["feature"], row["x"], row["y"], row["cluster"]] for row in rows],
                         [list(point) for point in zip(document["indices"], document["x"], document["y"],
                                                       document["labels"], strict=True)])
        self.assertEqual(self.rows("FROM analysis_statistics")[0]["value"], document["kl"])

    def test_activations(self):
        tokens = self.folder / "tokens.npy"
        np.save(tokens, np.arange(512, dtype=np.int32).reshape(4, 128) % 997)
        document = self.analyse("activations", MODEL, "--calib", tokens, "--samples", 4, "--seqlen", 128, "--sparsity",
                                "0.25,0.5", "--coactivation", 0.5, "--allocate", "greedy", "--greedy-step", 0.5,
                                "--greedy-sequences", 1)
        rows = self.rows("FROM activation_inputs ORDER BY rowid")
        for row, entry in zip(rows, document["inputs"], strict=True):
            self.assertEqual((row["layer"], row["components"]), (entry["layer"], ",".join(entry["components"])))
            self.assertEqual(row["zero_share"], entry["zero_share"])
            self.assertEqual(row["overlap_independent"], entry["coactivation"]["overlap_independent"])
            self.assertAlmostEqual(sum(json.loads(row["histogram"])), 1.0, places=9)
        first = self.rows("FROM activation_thresholds WHERE rule = 'quantile' ORDER BY rowid LIMIT 1")[0]
        self.assertEqual((first["threshold"], first["energy_kept"]),
                         (document["inputs"][0]["targets"][0]["quantile"],
                          document["inputs"][0]["targets"][0]["energy_kept"]))
        greedy = self.rows("SELECT count(*) AS n FROM activation_thresholds WHERE rule = 'greedy'")[0]["n"]
        self.assertEqual(greedy, 2 * len(document["allocations"]))
        self.assertGreater(len(self.rows("FROM activation_quantiles")), len(rows))

    def test_threshold(self):
        document = self.analyse("threshold", self.matrix, "--sparsity", 0.9)
        [row] = self.rows("FROM weight_thresholds")
        [matrix] = document["matrices"]
        for key in ("rows", "cols", "threshold", "sparsity_before", "sparsity", "energy_kept", "pattern", "output"):
            self.assertEqual(row[key], matrix[key])
        columns = [json.loads(row[f"curve_{key}"]) for key in ("sparsity", "threshold", "energy")]
        self.assertEqual([list(point) for point in zip(*columns, strict=True)], matrix["curve"])
        page = self.folder / "report.html"
        self.ok("report", self.db, "-o", page)
        self.assertIn("Sparsity that thresholds on weights give", page.read_text())

    def test_the_report_draws_what_was_found(self):
        for command, *options in (["neighbours", "--feature", 3, "--n", 9], ["gradient", "--n", 9], ["pairs"], ["groups"],
                                  ["cluster", "--k", 2, "--n", 12, "--seeds", 2]):
            self.analyse(command, self.matrix, *options, "--null", 9)
        self.analyse("tsne", self.matrix, "--n", 20, "--iterations", 50)
        page = self.folder / "report.html"
        self.ok("report", self.db, "-o", page)
        text = page.read_text()
        for title in ("Nearest features", "Co-activation gradient", "Distances of all pairs", "Groups of features",
                      "Sizes of clusters", "t-SNE"):
            self.assertIn(f"{title} · ", text)
        self.assertNotIn("could not be drawn", text)

    def test_running_again_replaces_and_another_seed_adds(self):
        for seed in (0, 0, 1):
            self.analyse("groups", self.matrix, "--null", 0, "--seed", seed)
        self.assertEqual(self.rows("SELECT count(*) AS n FROM analyses"), [{"n": 2}])
        self.assertEqual(self.rows("SELECT count(*) AS n FROM nearest_neighbor_metrics"), [{"n": 2 * 6}])

    def test_a_pruned_models_run_is_known(self):
        out = self.folder / "pruned"
        self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", 0.5, "--out", out, "--db", self.db)
        self.analyse("groups", out, "--matrix", "0.mlp.down_proj", "--null", 0)
        [row] = self.rows("SELECT DISTINCT n.method, n.matrix_name, n.run_id = r.run_id AS same "
                          "FROM nearest_neighbor_metrics n, runs r")
        self.assertEqual((row["method"], row["matrix_name"], row["same"]),
                         ("magnitude", "layer0-mlp.down_proj-0-0-0.5", True))
        [row] = self.rows("SELECT count(feature_idx) AS n FROM magnitude_0_5_down_proj WHERE layer = 0")
        self.assertGreater(row["n"], 1)

    def test_what_is_no_store_is_refused_before_the_work(self):
        other = self.folder / "other.db"
        other.write_text("no database")
        self.fails(1, "E07..", "cluster", self.matrix, "--db", other, "--null", 100000)
        self.assertEqual(other.read_text(), "no database")

    def test_a_failed_command_leaves_no_database(self):
        self.assertNotEqual(lacuna("groups", self.folder / "absent.npy", "--db", self.db).status, 0)
        self.assertFalse(self.db.exists())


if __name__ == "__main__":
    unittest.main()
