"""`lacuna study` from outside: a small study runs, a repeated one does nothing, an extended one does only what is new."""
import unittest

from lacuna_cli import MODEL, CliTest

STUDY = """[[model]]
path = "{model}"
[[text]]
name = "t"
generate = {{ sequences = 4, seqlen = 16, seed = 1 }}
[calibration]
text = "t"
samples = 4
seqlen = 16
[prune]
methods = {methods}
sparsities = [0.5]
[[evaluate]]
text = "t"
seqlen = 16
[structure]
matrices = ["0.self_attn.q_proj"]
draws = 9
"""

ANALYSES = """
[cluster]
matrices = ["0.self_attn.q_proj"]
k = [2, 4]
n = 24
seeds = 2
inits = 2
draws = 9
[coherence]
matrices = ["0.self_attn.q_proj"]
orders = ["stored", "groups"]
draws = 9
[activations]
text = "t"
samples = 4
seqlen = 16
sparsities = [0.5]
"""


class Study(CliTest):
    def study(self, methods, more=""):
        path = self.folder / "s.toml"
        path.write_text(STUDY.format(model=MODEL, methods=methods) + more)
        return self.ok("study", path, "--out", self.folder / "out", "--json").json()

    def test_only_what_is_new_is_done(self):
        first = self.study('["magnitude"]')
        self.assertEqual((first["models_pruned"], first["evaluations_made"], first["comparisons_made"]), (1, 2, 0))
        again = self.study('["magnitude"]')
        self.assertEqual((again["models_pruned"], again["evaluations_made"], again["steps_skipped"]), (0, 0, 4))
        self.assertEqual((first["structures_measured"], again["structures_measured"]), (1, 0))
        more = self.study('["magnitude", "wanda"]')
        self.assertEqual((more["models_pruned"], more["evaluations_made"], more["comparisons_made"]), (1, 1, 1))
        page = (self.folder / "out/report.html").read_text()
        self.assertIn("wanda 50%", page)
        self.assertNotIn('src="http', page)
        self.assertIn("Which structure there is", page)
        rows = self.ok("query", "--db", self.folder / "out/sparsity.db",
                       "select statistic, draws, p from structure order by all", "--json").json()
        self.assertEqual(len(rows), 10)  # five statistics, two runs

    def rows(self, sql):
        return self.ok("query", "--db", self.folder / "out/sparsity.db", sql, "--json").json()

    def test_analyses_are_stored_drawn_and_not_repeated(self):
        first = self.study('["magnitude"]', ANALYSES)
        self.assertEqual(first["analyses_made"], 4)  # clusters, two orders, inputs
        again = self.study('["magnitude"]', ANALYSES)
        self.assertEqual((again["analyses_made"], again["steps_skipped"]), (0, first["steps_skipped"] + 8))
        self.assertEqual(self.rows("SELECT count(*) AS n FROM cluster_runs"), [{"n": 4}])
        self.assertEqual(self.rows("SELECT count(*) AS n FROM analysis_statistics WHERE p IS NOT NULL"), [{"n": 4}])
        page = (self.folder / "out/report.html").read_text()
        for title in ("Do features fall into clusters?", "Does an order of the features help a block kernel?",
                      "How sparse the inputs of the dense model can be", "By projection and method"):
            self.assertIn(title, page)

    def test_an_analysis_equals_the_command_of_its_name(self):
        self.study('["wanda"]', ANALYSES)  # null model of both: margins
        pruned = self.folder / "out/models/tiny-llama/wanda-0-0-0.5"
        document = self.ok("cluster", pruned, "--matrix", "0.self_attn.q_proj", "--k", "2,4", "--n", 24, "--seeds", 2,
                           "--inits", 2, "--null", 9, "--json").json()
        rows = self.rows("SELECT s.* FROM analysis_statistics s JOIN analyses a USING (analysis_id) "
                         "WHERE command = 'cluster' ORDER BY statistic")
        for row, k in zip(rows, (2, 4), strict=True):
            entry = document["null"][f"separation_{k}"]
            self.assertEqual([row["value"], row["null_mean"], row["p"]],
                             [entry["observed"], entry["mean"], entry["p"]])

    def test_a_report_of_the_database_says_the_same_and_changes_nothing(self):
        self.study('["magnitude", "wanda"]', ANALYSES)
        database = self.folder / "out/sparsity.db"
        self.ok("groups", MODEL, "--matrix", "0.mlp.up_proj", "--null", 9, "--db", database)  # of no run
        before = database.read_bytes()
        database.chmod(0o444)
        out = self.folder / "page.html"
        document = self.ok("report", database, "-o", out, "--json").json()
        self.assertEqual(database.read_bytes(), before)
        self.assertEqual(len(document["findings"]), 2 * (5 + 2) + 6)  # both orders are of [structure] too
        self.assertEqual(sum(group["tests"] for group in document["groups"]), len(document["findings"]))
        adjusted = [finding["p_adjusted"] for finding in document["findings"]]
        self.assertEqual(adjusted, sorted(adjusted))
        for finding in document["findings"]:
            self.assertGreaterEqual(finding["p_adjusted"], finding["p"])
        self.assertEqual({model["name"] for model in document["models"]}, {"tiny-llama", "other sources"})
        for group in document["groups"]:
            self.assertIn(f"{group['tests']} tests", group["interpretation"])
        page = out.read_text()
        self.assertIn("By projection and method", page)
        self.assertNotIn('src="http', page)


if __name__ == "__main__":
    unittest.main()
