"""`lacuna tune`, `lacuna advise` and `lacuna bench mmm` from outside."""
import json
import unittest

from lacuna_cli import MODEL, CliTest, lacuna


class Tune(CliTest):
    def setUp(self):
        super().setUp()
        self.env = {"LACUNA_CACHE_DIR": str(self.folder / "cache")}
        self.file = self.folder / "cache/tuning.json"

    def tune(self, *arguments):
        return self.ok("tune", *arguments, "--json", env=self.env).json()

    def test_results_are_remembered_listed_and_cleared(self):
        first = self.tune(MODEL, "--rounds", "1", "--sparsity", "0.5")
        self.assertEqual(first["measured"], len(first["entries"]))
        self.assertFalse(any(e["steady"] for e in first["entries"]))  # one round cannot tell
        shapes = {(e["rows"], e["cols"]) for e in first["entries"] if e["operation"] == "activation"}
        self.assertEqual(shapes, {(192, 192), (512, 192), (192, 512)})
        for entry in first["entries"]:
            best = min(entry["candidates"], key=lambda c: c["seconds"])
            chosen = next(c for c in entry["candidates"] if c["name"] == entry["choice"])
            self.assertLessEqual(chosen["seconds"] * 0.97, best["seconds"])
        # Times of a busy machine are taken again; to see memory alone, call them all steady.
        document = json.loads(self.file.read_text())
        for entry in document["entries"]:
            entry["steady"] = True
        self.file.write_text(json.dumps(document))
        again = self.tune(MODEL, "--rounds", "1", "--sparsity", "0.5")
        self.assertEqual(again["measured"], 0)
        self.assertEqual([e["choice"] for e in again["entries"]], [e["choice"] for e in first["entries"]])
        self.assertEqual(len(self.tune("--list")["entries"]), len(first["entries"]))
        self.assertTrue(self.tune("--clear")["removed"])
        self.assertEqual(self.tune("--list")["entries"], [])

    def test_a_damaged_file_counts_as_empty(self):
        self.file.parent.mkdir()
        for damage in ("", "{", "[]", '{"format": "lacuna tuning", "format_version": 2, "entries": [{}]}', "[" * 100000):
            self.file.write_text(damage)
            result = self.ok("tune", "--list", "--json", env=self.env)
            self.assertEqual(result.json()["entries"], [])
            self.assertIn("is damaged", result.err)

    def test_the_list_names_each_device(self):
        self.file.parent.mkdir()
        entry = {"device": "cuda: NVIDIA X, driver 1.2", "version": "0.0 (a)", "operation": "activation", "rows": 64, "cols": 32,
                 "dtype": "f16", "sparsity_bin": 10, "input_bin": 0, "choice": "columns warps=8 splits=2 tile=512",
                 "candidates": [{"name": "dense", "seconds": 2e-6}, {"name": "columns warps=8 splits=2 tile=512", "seconds": 1e-6}],
                 "measured": "2026-01-01T00:00:00Z", "steady": True}
        self.file.write_text(json.dumps({"format": "lacuna tuning", "format_version": 2,
                                         "entries": [entry, {**entry, "device": "cpu: Y, avx2, 4 threads"}]}))
        text = self.ok("tune", "--list", env=self.env).out
        for device in ("cuda: NVIDIA X, driver 1.2", "cpu: Y, avx2, 4 threads"):
            self.assertIn(device, text)
        self.assertEqual([e["device"] for e in self.tune("--list")["entries"]],
                         ["cuda: NVIDIA X, driver 1.2", "cpu: Y, avx2, 4 threads"])

    def test_cuda_is_tuned_or_said_to_be_absent(self):
        for arguments in (("tune", MODEL, "--sparsity", "0.5"), ("advise", MODEL)):
            arguments = (*arguments, "--rounds", "1", "--device", "cuda")
            result = lacuna(*arguments, "--json", env=self.env)
            if result.status != 0:
                self.assertIn("--device cuda: ", self.fails(2, "E0101", *arguments, env=self.env).err)
                self.assertFalse(self.file.exists())
                continue
            document = result.json()
            for device in [document.get("device")] if "device" in document else [e["device"] for e in document["entries"]]:
                self.assertTrue(device.startswith("cuda: "), device)

    def test_wrong_usage(self):
        self.assertEqual(lacuna("tune", env=self.env).status, 2)
        self.assertEqual(lacuna("tune", "--list", "--clear", env=self.env).status, 2)
        self.assertEqual(lacuna("tune", MODEL, "--clear", env=self.env).status, 2)
        self.assertEqual(lacuna("tune", MODEL, "--list", env=self.env).status, 2)
        self.assertEqual(lacuna("tune", MODEL, "--sparsity", "2", env=self.env).status, 2)

    def test_packed_models_are_tuned_for_both_sparsities(self):
        packed = self.pruned_and_packed()
        for model in (packed, self.folder / "pruned"):
            entries = self.tune(model, "--rounds", "1", "--sparsity", "0.5")["entries"]
            both = [e for e in entries if e["operation"] == "both"]
            self.assertEqual({(e["rows"], e["cols"]) for e in both}, {(192, 192), (512, 192), (192, 512)})
            for entry in both:
                self.assertEqual([c["name"] for c in entry["candidates"]], ["dense", "bitmap", "columns", "packed columns"])
                self.assertEqual((entry["input_sparsity_low"], entry["input_sparsity_high"]), (0.5, 0.55))
                self.assertAlmostEqual(entry["sparsity_low"], 0.7, delta=0.06)
            self.assertTrue(all(e["input_sparsity_low"] is None for e in entries if e["operation"] != "both"))
        self.assertIn("inputs 50–55 %", self.ok("tune", "--list", env=self.env).out)
        dense = self.tune(MODEL, "--rounds", "1", "--sparsity", "0.5")["entries"]
        self.assertFalse([e for e in dense if e["operation"] == "both"])

    def pruned_and_packed(self):
        pruned, packed = self.folder / "pruned", self.folder / "packed"
        self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", "0.7", "--out", pruned, "--quiet")
        self.ok("pack", pruned, "-o", packed, "--quiet")
        return packed

    def test_advice_looks_ahead_to_both(self):
        arguments = ("advise", MODEL, "--rounds", "1", "--weights", "0.7,0.9", "--activations", "0.5,0.7")
        advice = self.ok(*arguments, "--json", env=self.env).json()
        shown = [(p["format"], p["sparsity"], p["input_sparsity"]) for p in advice["prospects"]]
        self.assertEqual(shown, [("packed", 0.7, None), ("packed", 0.9, None), ("activation", 0.5, None),
                                 ("activation", 0.7, None), ("both", 0.7, 0.7)])
        both, packed = advice["prospects"][4], advice["prospects"][0]
        self.assertEqual(both["bytes"], packed["bytes"])
        self.assertIn("if 70 % of the weights and inputs were 0", self.ok(*arguments, env=self.env).out)

    def test_advice_adds_up(self):
        pruned = self.folder / "pruned"
        self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", "0.9", "--out", pruned, "--quiet")
        advice = self.ok("advise", pruned, "--rounds", "1", "--weights", "0.9", "--activations", "0.5", "--json",
                         env=self.env).json()
        formats = {f["format"]: f for f in advice["formats"]}
        self.assertEqual(list(formats), ["dense", "packed", "fastest"])
        self.assertEqual(formats["dense"]["bytes"], sum(m["dense_bytes"] for m in advice["matrices"]))
        self.assertEqual(formats["packed"]["bytes"], sum(m["packed_bytes"] for m in advice["matrices"]))
        self.assertEqual(formats["dense"]["speedup"], 1)
        self.assertGreaterEqual(formats["fastest"]["speedup"], min(1, formats["packed"]["speedup"]))
        head = next(m for m in advice["matrices"] if m["name"] == "head")
        self.assertEqual((head["sparsity"], head["choice"]), (0, "dense"))
        packed = self.folder / "packed"
        self.ok("pack", pruned, "-o", packed, "--quiet")
        of_packed = self.ok("advise", packed, "--rounds", "1", "--weights", "0.9", "--activations", "0.5", "--json",
                            env=self.env).json()
        self.assertEqual([m["packed_bytes"] for m in of_packed["matrices"]], [m["packed_bytes"] for m in advice["matrices"]])


class BlockSkipping(CliTest):
    def test_predicted_and_measured_stand_side_by_side(self):
        result = self.ok("bench", "mmm", "--matrix-of", MODEL, "--matrix", "0.mlp.down_proj", "--rounds", "1", "--order",
                         "stored,frequency,balanced", "--json").json()
        self.assertEqual([o["order"] for o in result["orders"]], ["stored", "frequency", "balanced"])
        self.assertEqual(result["break_even_coherence"], 1 / 128)
        for order in result["orders"]:
            self.assertAlmostEqual(order["predicted_speedup"], 1 / (1 - order["coherence"] + 1 / 128))
            self.assertAlmostEqual(order["measured_speedup"], order["dense_seconds"] / order["seconds"])

    def test_it_says_what_coherence_says(self):
        pruned = self.folder / "pruned"
        self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", "0.8", "--out", pruned, "--quiet")
        for order in ("stored", "groups"):
            coherence = self.ok("coherence", pruned, "--matrix", "1.mlp.up_proj", "--order", order, "--null", "0", "--json").json()
            bench = self.ok("bench", "mmm", "--matrix-of", pruned, "--matrix", "1.mlp.up_proj", "--rounds", "1", "--order", order,
                            "--json").json()
            self.assertAlmostEqual(bench["orders"][0]["coherence"], coherence["mean"], places=12)

    def test_orders_are_recorded(self):
        database = self.folder / "orders.db"
        self.ok("bench", "mmm", "--matrix-of", MODEL, "--matrix", "0.mlp.down_proj", "--rounds", "1", "--order", "stored,frequency",
                "--db", database)
        table = self.ok("query", "--db", database, "--csv", 'SELECT kernel, format, "rows", cols, speedup > 0 FROM benchmarks '
                        "ORDER BY ALL").out.splitlines()
        self.assertEqual(table[1:], ["gemv,dense,192,512,", 'mmm,"blocks of 8, frequency",192,512,true',
                                     'mmm,"blocks of 8, stored",192,512,true', "packed,bitmap,192,512,true"])

    def test_an_order_that_is_none_is_told_with_those_there_are(self):
        result = self.fails(1, "E0201", "bench", "mmm", "--matrix-of", MODEL, "--matrix", "0.mlp.down_proj", "--order", "frequent")
        self.assertIn("--order frequent: neither the name of an order nor a file", result.err)
        self.assertIn("stored, frequency, gradient", result.err)

    def test_a_matrix_is_for_mmm_alone(self):
        self.assertEqual(lacuna("bench", "pack", "--matrix-of", MODEL).status, 2)
        self.assertEqual(lacuna("bench", "mmm", "--matrix-of", MODEL, "-o", self.folder / "b.html").status, 2)


if __name__ == "__main__":
    unittest.main()
