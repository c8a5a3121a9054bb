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


class Study(CliTest):
    def study(self, methods):
        path = self.folder / "s.toml"
        path.write_text(STUDY.format(model=MODEL, methods=methods))
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


if __name__ == "__main__":
    unittest.main()
