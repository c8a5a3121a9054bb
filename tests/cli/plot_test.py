"""`lacuna plot` from outside: every figure in every format, from documents that the other commands print."""
import re
import shutil
import struct
import unittest
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np

from lacuna_cli import MODEL, CliTest, lacuna

PROGRAMS = [program for program in ("node", "rsvg-convert") if not shutil.which(program)]
draws = unittest.skipIf(PROGRAMS, f"needs programs that are absent: {', '.join(PROGRAMS)}")
NUMBER = re.compile(r"NaN|undefined|Infinity")


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
methods = ["magnitude", "wanda"]
sparsities = [0.5]
[[evaluate]]
text = "t"
seqlen = 16
"""


def png_pixels(data):
    """Width, height, and how many different rows of pixels the picture has."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, idat, size = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        if kind == b"IDAT":
            idat += body
        at += 12 + length
    raw = zlib.decompress(idat)
    stride = len(raw) // size[1]
    return *size, len({raw[i:i + stride] for i in range(0, len(raw), stride)})


class Plot(CliTest):
    @classmethod
    def setUpClass(cls):
        random = np.random.default_rng(3)
        cls.weights = random.standard_normal((60, 45)).astype(np.float32) * (random.random((60, 45)) < 0.5)

    def document(self, command, *arguments, name="document.json"):
        np.save(self.folder / "w.npy", self.weights)
        path = self.folder / name
        path.write_text(self.ok(command, self.folder / "w.npy", *arguments, "--json").out)
        return path

    def documents(self):
        """Figure, its documents and options, and texts that it must show."""
        pairs = self.document("pairs", "--null", 9, name="pairs.json")
        clusters = self.document("cluster", "--k", "2,4", "--n", 20, "--seeds", 3, "--null", 9, "--patterns", name="cluster.json")
        gradient = self.document("gradient", "--n", 20, "--null", 9, "--patterns", name="gradient.json")
        neighbours = self.document("neighbours", "--feature", 3, "--n", 9, "--null", 9, name="neighbours.json")
        groups = self.document("groups", "--null", 9, name="groups.json")
        orders = [self.document("coherence", "--order", order, "--block", 3, "--null", 9, name=f"order-{order}.json")
                  for order in ("stored", "groups")]
        plane = self.document("tsne", "--n", 30, "--k", 3, name="tsne.json")
        thresholds = self.document("threshold", "--threshold", 0.5, name="threshold.json")
        speeds = []
        for kind in ("gemv", "pack"):
            speeds.append(self.folder / f"{kind}.json")
            speeds[-1].write_text(self.ok("bench", kind, "--shape", "96x64,64x96", "--sparsity", "0:0.9:0.3", "--rounds", 1,
                                          "--json").out)
        return [
            ("speed", speeds, ["times as fast as dense", "measured", "ideal: bytes", "96×64 · packed rows",
                               "64×96 · columns skipped", "rings: break-even"]),
            ("thresholds", [thresholds], ["threshold |w|", "share of weights at or below", "w.npy"]),
            ("thresholds", [thresholds, "--metric", "energy"], ["energy kept", "share of weights at zero"]),
            ("neighbours", [neighbours], ["rank of the feature", "feature 3", "by chance"]),
            ("gradient", [gradient], ["rank of the feature", "20 random others"]),
            ("distances", [pairs], ["Hamming distance (share of rows)", "95 % of random masks", "share of pairs", "mean 0."]),
            ("groups", [groups], ["zeros ", "unique_rows ", "chance", "p = "]),
            ("coherence", orders, ["stored", "groups", "mean by chance", "independent columns", "p = "]),
            ("separation", [clusters], ["between / within clusters", "k = 2", "k = 4", "chance", "p = "]),
            ("separation", [clusters, "--metric", "euclidean"], ["Euclidean", "k = 4"]),
            ("separation", [clusters, clusters], ["k = 2", "observed"]),
            ("within-between", [clusters], ["mean Hamming distance", "within clusters", "between clusters"]),
            ("sizes", [clusters], ["features in the cluster", "k = 2", "k = 4", "largest first"]),
            ("heatmap", [clusters, "--k", 4], ["feature, by cluster", "Hamming distance", "k = 4"]),
            ("heatmap", [gradient, "--metric", "jaccard"], ["feature, nearest first", "Jaccard similarity"]),
            ("pattern", [clusters, "--run", 2], ["feature, by cluster", "output feature (row of W)", "seed 2"]),
            ("pattern", [gradient], ["feature, nearest first"]),
            ("tsne", [plane], ["cluster", "3", "perplexity 29"]),
        ]

    def svg_of(self, figure, arguments, name):
        out = self.folder / name
        self.ok("plot", figure, *arguments, "-o", out)
        root = ElementTree.parse(out).getroot()
        return root, " ".join("".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text"))

    @draws
    def test_every_figure_is_drawn_as_svg_with_its_titles(self):
        for i, (figure, arguments, texts) in enumerate(self.documents()):
            with self.subTest(figure=figure, arguments=arguments[1:]):
                root, shown = self.svg_of(figure, arguments, f"{i}.svg")
                for text in texts:
                    self.assertIn(text, shown)
                markup = (self.folder / f"{i}.svg").read_text()
                self.assertIsNone(NUMBER.search(markup))
                self.assertNotIn("href", markup)  # nothing is loaded by who opens it
                self.assertGreater(len(list(root.iter("{http://www.w3.org/2000/svg}path"))), 10)

    @draws
    def test_every_figure_is_drawn_as_png_and_pdf(self):
        for i, (figure, arguments, _) in enumerate(self.documents()):
            with self.subTest(figure=figure, arguments=arguments[1:]):
                root, _ = self.svg_of(figure, arguments, f"{i}.svg")
                png, pdf = self.folder / f"{i}.png", self.folder / f"{i}.pdf"
                self.ok("plot", figure, *arguments, "-o", png, "--scale", "1.5")
                width, height, n_rows = png_pixels(png.read_bytes())
                self.assertAlmostEqual(width, 1.5 * float(root.get("width")), delta=1.5)
                self.assertAlmostEqual(height, 1.5 * float(root.get("height")), delta=1.5)
                self.assertGreater(n_rows, 50)  # an empty picture repeats one row
                self.ok("plot", figure, *arguments, "-o", pdf)
                self.assertEqual((pdf.read_bytes()[:5], pdf.read_bytes()[-6:-1]), (b"%PDF-", b"%%EOF"))

    @draws
    def test_the_same_document_gives_the_same_bytes(self):
        pairs = self.document("pairs", "--null", 9)
        for ending in ("svg", "png", "pdf"):
            for name in ("a", "b"):
                self.ok("plot", "distances", pairs, "-o", self.folder / f"{name}.{ending}")
            self.assertEqual(*((self.folder / f"{name}.{ending}").read_bytes() for name in ("a", "b")))

    @draws
    def test_labels_keep_apart(self):
        root, _ = self.svg_of("separation", [self.document("cluster", "--k", "2,4,8", "--n", 20, "--null", 0)], "s.svg")
        names = [text for text in root.iter("{http://www.w3.org/2000/svg}text") if "".join(text.itertext()).startswith("k = ")]
        heights = sorted(float(re.search(r",([\d.]+)\)", text.get("transform")).group(1)) for text in names)
        self.assertEqual(len(heights), 3)
        self.assertGreater(min(b - a for a, b in zip(heights, heights[1:])), 12)  # pixels of the font

    def test_html_and_specifications_need_no_program(self):
        pairs = self.document("pairs", "--null", 9)
        empty = {"PATH": str(self.folder)}
        self.ok("plot", "distances", pairs, "-o", self.folder / "d.vl.json", env=empty)
        spec = (self.folder / "d.vl.json").read_text()
        self.assertIn('"$schema":"https://vega.github.io/schema/vega-lite/v6.json"', spec)
        self.ok("plot", "distances", pairs, "-o", self.folder / "d.html", env=empty)
        self.assertIn("Distances of all pairs", (self.folder / "d.html").read_text())
        failure = self.fails(1, "E0201", "plot", "distances", pairs, "-o", self.folder / "d.svg", env=empty)
        self.assertIn("node", failure.err)
        self.assertIn("apt install nodejs", failure.err)
        self.assertFalse((self.folder / "d.svg").exists())

    def test_documents_come_through_pipes(self):
        pairs = self.document("pairs", "--null", 0).read_text()
        out = self.folder / "d.json"
        said = self.ok("plot", "distances", "-", "-o", out, "--json", stdin=pairs).json()
        self.assertEqual((said["out"], said["figure"]), (str(out), "distances"))
        failed = lacuna("plot", "distances", "-", "-o", out, stdin=pairs[:200])
        self.assertEqual(failed.status, 1)
        self.assertIn("error[E0301]: stdin", failed.err)

    def test_wrong_documents_say_which_field(self):
        pairs = self.document("pairs", "--null", 0)
        out = self.folder / "x.json"
        self.assertIn("the document: expected the field", self.fails(1, "E0301", "plot", "separation", pairs, "-o", out).err)
        self.assertFalse(out.exists())
        self.fails(2, "E0102", "plot", "distances", "-o", out)
        self.fails(2, "E0101", "plot", "pie", pairs, "-o", out)
        self.fails(2, "E0101", "plot", "distances", pairs, "-o", self.folder / "x.bmp")
        self.fails(2, "E0101", "plot", "distances", pairs, "-o", out, "--metric", "hamming")
        self.fails(2, "E0207", "plot", "distances", pairs, "-o", pairs)
        self.fails(1, "E0201", "plot", "distances", self.folder / "absent.json", "-o", out)

    def measured(self):
        """A profile of activations and a database, of the demo model on a few tokens."""
        tokens, profile = self.folder / "tokens.npy", self.folder / "profile.json"
        np.save(tokens, np.random.default_rng(1).integers(0, 200, (4, 64), dtype=np.int32))
        self.ok("activations", MODEL, "--calib", tokens, "--samples", 2, "--seqlen", 32, "--coactivation", 0.5, "-o", profile)
        database = self.folder / "s.db"
        study = self.folder / "s.toml"
        study.write_text(STUDY.format(model=MODEL))
        self.ok("study", study, "--out", self.folder / "out")
        shutil.copy(self.folder / "out/sparsity.db", database)
        return profile, database

    @draws
    def test_profiles_and_databases_are_drawn(self):
        profile, database = self.measured()
        ablation = self.folder / "ablation.json"
        ablation.write_text(self.ok("ablate", database, "--json").out)
        for figure, arguments, texts in [
                ("sparsity", [profile], ["energy kept", "sparsity of the input", "input of q, k, v", "layer"]),
                ("sparsity", [profile, "--metric", "threshold"], ["threshold |x|"]),
                ("frequency", [profile], ["features, hottest first", "active in this share of tokens"]),
                ("ablation", [ablation], ["Variants against each other", "up_proj", "wanda 50%", "Jaccard similarity"]),
                ("perplexity", ["--db", database], ["perplexity", "magnitude", "wanda", "dense"]),
                ("similarity", ["--db", database], ["layer 0", "wanda 50%", "Jaccard similarity"]),
                ("similarity", ["--db", database, "--metric", "hamming"], ["Hamming distance"])]:
            with self.subTest(figure=figure):
                root, shown = self.svg_of(figure, arguments, "f.svg")
                for text in texts:
                    self.assertIn(text, shown)
                self.assertIsNone(NUMBER.search((self.folder / "f.svg").read_text()))
        out = self.folder / "x.json"
        self.assertIn("tiny-llama", self.fails(2, "E0101", "plot", "perplexity", "--db", database, "--model", "no", "-o", out).err)
        self.fails(2, "E0101", "plot", "perplexity", profile, "--db", database, "-o", out)
        database = database.rename(self.folder / "s.json")
        self.fails(2, "E0207", "plot", "perplexity", "--db", database, "-o", database)

    @draws
    def test_names_from_files_are_text(self):
        pairs = self.document("pairs", "--null", 0)
        attack = "</text><script>alert(1)</script> ' + alert(1) + ' datum.x"
        _, shown = self.svg_of("distances", [pairs, "--title", attack], "a.svg")
        self.assertNotIn("<script", (self.folder / "a.svg").read_text())
        self.assertIn("datum.x", shown)


if __name__ == "__main__":
    unittest.main()
