"""`lacuna bench` from outside: products are timed against dense, recorded and drawn."""
import json
import signal
import subprocess
import unittest

from lacuna_cli import BIN, CliTest, lacuna


class Bench(CliTest):
    def bench(self, *arguments):
        return self.ok("bench", *arguments, "--shape", "96x64,33x70", "--rounds", 1)

    def test_each_sparsity_of_each_shape_is_reported(self):
        for kind, kernel in (("gemv", "activation"), ("mmm", "mmm"), ("pack", "packed")):
            result = self.bench(kind, "--sparsity", "0:0.9:0.3", "--json").json()
            self.assertEqual(result["kernel"], kernel)
            self.assertEqual([(s["rows"], s["cols"]) for s in result["shapes"]], [(96, 64), (33, 70)])
            for timing in (t for shape in result["shapes"] for t in shape["timings"]):
                self.assertGreater(timing["median_us"], 0)
                self.assertAlmostEqual(timing["speedup"], timing["dense_us"] / timing["median_us"], places=9)
                self.assertAlmostEqual(timing["gb_per_s"], timing["bytes"] / timing["median_us"] / 1e3, places=9)
            self.assertEqual([t["sparsity"] for t in result["shapes"][1]["timings"]], [0, 0.3, 0.6, 0.9])
        self.assertEqual(result["shapes"][0]["timings"][0]["bytes"], 96 * 64 * 2 + 96 * 64 // 8)

    def test_the_form_that_was_multiplied_is_printed_and_recorded(self):
        slices = self.ok("info", "--json").json()["cpu"]["isa_detected"] != "scalar"
        for isa, of_few in (("scalar", "bitmap"), ("avx2", "slices" if slices else "bitmap")):
            database = self.folder / f"{isa}.db"
            arguments = ("bench", "pack", "--shape", "64x256", "--sparsity", "0.5,0.9", "--rounds", 1, "--db", database)
            document = self.ok(*arguments, "--json", env={"LACUNA_ISA": isa}).json()
            self.assertEqual([t["format"] for t in document["shapes"][0]["timings"]], ["bitmap", of_few])
            table = self.ok("query", "--db", database, "--csv", "SELECT kernel, format, sparsity FROM benchmarks ORDER BY ALL").out
            self.assertEqual(table.splitlines()[1:], sorted(["gemv,dense,0", "packed,bitmap,0.5", f"packed,{of_few},0.9"]))
            printed = self.ok(*arguments, env={"LACUNA_ISA": isa}).out.splitlines()
            self.assertRegex(printed[-2], r"^ +50 % +bitmap ")
            self.assertRegex(printed[-1], rf"^ +90 % +{of_few} ")

    def stopped(self, number, events, *arguments):
        """A benchmark that gets a signal after so many progress events: exit status, stdout, the last line of stderr."""
        run = subprocess.Popen([BIN, "bench", *map(str, arguments), "--progress", "json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        self.addCleanup(run.kill)
        for _ in range(events):
            run.stderr.readline()
        run.send_signal(number)
        out, err = run.communicate(timeout=60)
        return run.returncode, out, err.strip().splitlines()[-1:]

    def recorded(self, database):
        return self.ok("query", "--db", database, "--csv",
                       "SELECT kernel, format, \"rows\", sparsity FROM benchmarks ORDER BY ALL").out.splitlines()[1:]

    def test_an_interruption_keeps_the_shapes_that_are_done(self):
        database, page = self.folder / "b.db", self.folder / "b.html"
        page.write_text("an earlier chart")
        arguments = ("pack", "--shape", "64x96,33x70,96x64", "--sparsity", "0.25,0.5", "--rounds", 20, "-o", page)
        status, out, err = self.stopped(signal.SIGINT, 2, *arguments, "--db", database)  # two sparsities are a shape
        self.assertEqual(status, 130, err)
        error = json.loads(err[0])["error"]
        self.assertEqual(error["code"], "E0901")
        self.assertIn(f"1 of 3 shapes recorded in {database}; --shape 33x70,96x64 measures the rest", error["hint"])
        self.assertIn("64×96: ", out)
        self.assertNotIn("33×70: ", out)
        first = ["gemv,dense,64,0", "packed,bitmap,64,0.25", "packed,bitmap,64,0.5"]
        self.assertEqual(self.recorded(database), first)
        self.assertEqual(page.read_text(), "an earlier chart")
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["b.db", "b.html"])

        # The rest, as the hint says; the picture of all shapes comes from the database.
        self.ok("bench", "pack", "--shape", "33x70,96x64", "--sparsity", "0.25,0.5", "--rounds", 1, "--db", database)
        self.assertEqual([row for row in self.recorded(database) if ",64," in row], first)
        chart = self.folder / "speed.json"
        self.ok("plot", "speed", "--db", database, "-o", chart)
        values = json.loads(chart.read_text())["data"]["values"]
        self.assertEqual({v["panel"] for v in values}, {"64×96", "33×70", "96×64"})

        status, out, err = self.stopped(signal.SIGTERM, 2, *arguments, "--json")
        self.assertEqual((status, out), (130, ""))
        self.assertIn("1 of 3 shapes measured; without --db FILE nothing is recorded", err[0])

    def test_what_is_done_is_recorded_even_where_the_process_dies(self):
        database = self.folder / "b.db"
        status, _, _ = self.stopped(signal.SIGKILL, 2, "pack", "--shape", "64x96,33x70,96x64", "--sparsity", 0.5,
                                    "--rounds", 8, "--db", database)
        self.assertEqual(status, -signal.SIGKILL)
        self.assertLessEqual({"gemv,dense,64,0", "packed,bitmap,64,0.5"}, set(self.recorded(database)))

    def test_an_interrupted_decode_keeps_the_timings_that_are_done(self):
        database = self.folder / "d.db"
        status, out, err = self.stopped(signal.SIGINT, 2, "decode", "--model-shape", "2x64x96x4x2x50", "--sparsity", 0.5,
                                        "--rounds", 2, "--db", database)
        self.assertEqual((status, out), (130, ""), err)
        self.assertIn(f"2 timings recorded in {database}", err[0])
        self.assertEqual(self.recorded(database), ["decode,both,0,0.5", "decode,packed,0,0.5"])

    def test_the_newest_times_are_drawn_as_those_of_the_run(self):
        database = self.folder / "b.db"
        for kind in ("gemv", "pack", "mmm"):
            self.ok("bench", kind, "--shape", "64x256", "--sparsity", "0,0.5", "--rounds", 1, "--db", database)
        result = self.ok("bench", "pack", "--shape", "64x256", "--sparsity", "0,0.5,0.9", "--rounds", 1, "--db", database,
                         "-o", self.folder / "run.json", "--json").json()
        self.ok("plot", "speed", "--db", database, "-o", self.folder / "db.json")
        drawn = {name: json.loads((self.folder / f"{name}.json").read_text())["data"]["values"] for name in ("run", "db")}
        self.assertEqual({v["panel"] for v in drawn["db"]},
                         {"64×256 · columns skipped", "64×256 · packed rows", "64×256 · blocks skipped"})
        packed = [v for v in drawn["db"] if v["panel"] == "64×256 · packed rows"]
        self.assertEqual(len(packed), len(drawn["run"]))
        for of_run, of_database in zip(drawn["run"], packed):
            self.assertEqual((of_run["series"], of_run.get("mark")), (of_database["series"], of_database.get("mark")))
            for axis in ("x", "y"):
                self.assertAlmostEqual(of_run[axis], of_database[axis], places=9)
        self.assertEqual(len(result["shapes"][0]["timings"]), 3)
        self.assertIn("no times", self.fails(2, "E0101", "plot", "speed", "--db", self.empty(), "-o", self.folder / "x.html").err)
        self.fails(2, "E0101", "plot", "speed", self.folder / "run.json", "--db", database, "-o", self.folder / "x.html")

    def empty(self):
        database = self.folder / "empty.db"
        self.ok("bench", "decode", "--model-shape", "1x64x96x4x2x50", "--sparsity", 0.5, "--rounds", 1, "--db", database)
        return database

    def test_records_and_chart_are_written(self):
        database, page = self.folder / "b.db", self.folder / "b.html"
        self.bench("pack", "--sparsity", "0.5,0.7", "--db", database, "-o", page)
        table = self.ok("query", "--db", database, "--csv",
                        "SELECT kernel, \"rows\", sparsity, checked FROM benchmarks ORDER BY ALL").out.splitlines()
        self.assertEqual(table[1:], ["gemv,33,0,true", "gemv,96,0,true", "packed,33,0.5,true", "packed,33,0.7,true",
                                     "packed,96,0.5,true", "packed,96,0.7,true"])
        self.assertIn("Speed against sparsity", page.read_text())
        self.fails(2, "E0101", "bench", "pack", "--shape", "8x8", "-o", self.folder / "b.bmp")
        other = self.folder / "other.db"
        other.write_text("no database")
        self.fails(1, "E0704", "bench", "pack", "--shape", "8x8", "--db", other)  # told before anything is printed

    def test_decode_reports_tokens_per_second(self):
        database = self.folder / "d.db"
        result = self.ok("bench", "decode", "--model-shape", "2x64x96x4x2x50", "--sparsity", 0.5, "--rounds", 1, "--json",
                         "--db", database).json()
        self.assertEqual([t["format"] for t in result["timings"]], ["packed", "both", "activation"])
        for timing in result["timings"]:
            self.assertAlmostEqual(timing["speedup"],
                                   timing["tokens_per_second"] / timing["dense_tokens_per_second"], places=9)
        table = self.ok("query", "--db", database, "--csv", "SELECT kernel, format FROM benchmarks ORDER BY ALL").out
        self.assertEqual(table.splitlines()[1:], ["decode,activation", "decode,both", "decode,packed"])
        for shape in ("2x64", "2x64x96x4x3x50", "0x64x96x4x2x50"):
            self.assertEqual(lacuna("bench", "decode", "--model-shape", shape, "--sparsity", 0.5).status, 2, shape)

    def test_cuda_is_measured_or_said_to_be_absent(self):
        for arguments in (("gemv", "--shape", "96x64"), ("pack", "--shape", "96x64"), ("mmm", "--shape", "96x64"),
                          ("decode", "--model-shape", "2x64x96x4x2x50")):
            arguments = ("bench", *arguments, "--sparsity", 0.5, "--rounds", 1, "--device", "cuda")
            result = lacuna(*arguments, "--json")
            if result.status != 0:
                self.assertIn("--device cuda: ", self.fails(2, "E0101", *arguments).err)
                continue
            document = result.json()
            self.assertTrue(document["isa"].startswith("sm_"), document)
            self.assertEqual(document["threads"], 0)
            self.assertNotIn("E0101", result.err)
        self.assertEqual(lacuna("bench", "gemv", "--device", "tpu", "--shape", "8x8").status, 2)

    def test_options_that_would_do_nothing_are_refused(self):
        for arguments, told in ((("decode", "--shape", "8x8"), "bench decode: --shape is not for bench decode"),
                                (("decode", "-o", self.folder / "d.svg"), "bench decode: --out is not for bench decode"),
                                (("gemv", "--model-shape", "2x64x96x4x2x50"), "bench gemv: --model-shape is for bench decode"),
                                (("mmm", "--matrix", "0.mlp.down_proj"), "bench mmm: --matrix needs --matrix-of"),
                                (("mmm", "--order", "stored"), "bench mmm: --order needs --matrix-of"),
                                (("pack", "--matrix-of", "x"), "bench pack: --matrix-of is for bench mmm"),
                                (("mmm", "--matrix-of", "x", "--shape", "8x8"), "bench mmm: --shape not with --matrix-of"),
                                (("mmm", "--matrix-of", "x", "--dtype", "f16"), "bench mmm: --dtype not with --matrix-of")):
            self.assertIn(told, self.fails(2, "E0101", "bench", *arguments).err)

    def test_bad_arguments_are_usage_errors(self):
        for arguments in (["gemv", "--sparsity", "1.0"], ["gemv", "--sparsity", "0:0.9"], ["gemv", "--sparsity", "x"],
                          ["gemv", "--sparsity", "nan"], ["pack", "--sparsity", "0.9:0.1:0.1"], ["other"],
                          ["pack", "--dtype", "i8"], ["pack", "--device", "tpu"]):
            self.assertEqual(lacuna("bench", *arguments, "--shape", "8x8").status, 2, arguments)
        for shape in ("8", "0x8", "8x8x8", "-1x4", "8x99999999999", "x"):
            self.assertEqual(lacuna("bench", "gemv", f"--shape={shape}").status, 2, shape)


if __name__ == "__main__":
    unittest.main()
