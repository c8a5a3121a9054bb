"""`lacuna generate` from outside: seeds, devices, packed and thresholded models against the dense one."""
import json
import unittest

from lacuna_cli import MODEL, CliTest, lacuna

PROMPT = ["--prompt", "Once upon a time there was a little", "--temperature", 0, "-n", 40, "--json"]


class Generate(CliTest):
    def tokens(self, *arguments):
        document = self.ok("generate", MODEL, "--prompt", "Once", "-n", 12, *arguments, "--json").json()
        self.assertEqual(len(document["tokens"]), 12)
        return document

    def test_a_seed_gives_the_same_tokens_and_another_seed_others(self):
        first = self.tokens("--seed", 3)
        self.assertEqual(first["device"], "cpu")
        self.assertEqual(self.tokens("--seed", 3)["tokens"], first["tokens"])
        self.assertNotEqual(self.tokens("--seed", 4)["tokens"], first["tokens"])

    def test_cuda_decodes_or_says_why_not(self):
        arguments = ("generate", MODEL, "--prompt", "Once", "-n", 12, "--temperature", 0, "--device", "cuda")
        result = lacuna(*arguments, "--json")
        if result.status == 0:
            self.assertEqual(result.json()["device"], "cuda")
            self.assertEqual(len(result.json()["tokens"]), 12)
        else:
            self.assertIn("--device cuda: ", self.fails(2, "E0101", *arguments).err)
            early = self.fails(2, "E0101", *arguments, "--activation-sparsity", 0.5, "--progress", "plain")
            self.assertNotIn("activations", early.err)

    def test_an_unknown_device_is_refused(self):
        result = lacuna("generate", MODEL, "--device", "tpu")
        self.assertEqual(result.status, 2, result.err)
        self.assertIn("--device", result.err)

    def generate(self, model, *arguments):
        return self.ok("generate", model, *PROMPT, *arguments).json()

    def test_speeds_are_reported(self):
        result = self.generate(MODEL)
        self.assertEqual(len(result["tokens"]), 40)
        self.assertAlmostEqual(result["load_seconds"], result["read_seconds"] + result["convert_seconds"], places=6)
        for key in ("load_seconds", "read_seconds", "prompt_tokens_per_second", "tokens_per_second"):
            self.assertGreater(result[key], 0, key)
        self.assertIsNone(result["kl_mean"])
        note = self.ok("generate", MODEL, "--prompt", "Once", "-n", 3).err
        self.assertIn("tokens/s", note)
        self.assertNotIn("packed", note)  # a dense model has nothing to expand

    def test_packed_and_no_sparsity_give_the_same_tokens(self):
        dense = self.generate(MODEL)["tokens"]
        for sparsity in (0.5, 0.9):  # rows by position, and by value: sums in another order
            pruned, packed = self.folder / f"pruned-{sparsity}", self.folder / f"packed-{sparsity}"
            self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", sparsity, "-o", pruned)
            self.ok("pack", pruned, "-o", packed)
            self.assertEqual(self.generate(packed)["tokens"], self.generate(pruned)["tokens"])
            both, columns = (self.generate(model, "--activation-sparsity", 0.5) for model in (packed, pruned))
            self.assertEqual(both["tokens"], columns["tokens"])
        self.assertEqual(self.generate(MODEL, "--activation-sparsity", 0)["tokens"], dense)

    def tuned(self, model, **columns):
        """A cache that knows this model's products on this machine, every entry steady; as the edit below leaves it."""
        env = {"LACUNA_CACHE_DIR": str(self.folder / "cache")}
        self.ok("tune", model, "--rounds", 1, "--sparsity", 0.5, "--quiet", env=env)
        file = self.folder / "cache/tuning.json"
        document = json.loads(file.read_text())
        for entry in document["entries"]:
            slower = columns["slower"]
            entry.update(steady=True, choice=entry["candidates"][0 if slower else 1]["name"])
            entry["candidates"][0]["seconds"] = 1.0
            entry["candidates"][1]["seconds"] = 2.0 if slower else 0.5
        file.write_text(json.dumps(document))
        return env

    def test_packed_matrices_that_are_slower_here_are_expanded(self):
        self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", 0.5, "-o", self.folder / "pruned")
        packed = self.folder / "packed"
        self.ok("pack", self.folder / "pruned", "-o", packed)
        without = self.ok("generate", packed, *PROMPT, env={"LACUNA_CACHE_DIR": str(self.folder / "none")})
        self.assertEqual(without.json()["tuned_expanded"], 0)
        self.assertNotIn("tuning.json", without.err)
        self.assertFalse((self.folder / "none").exists())
        env = self.tuned(packed, slower=True)
        expanded = self.ok("generate", packed, *PROMPT, env=env)
        matrices = 7 * json.loads((MODEL / "config.json").read_text())["num_hidden_layers"]
        self.assertEqual(expanded.json()["tuned_expanded"], matrices)
        self.assertGreater(expanded.json()["converted_bytes"], 0)
        self.assertIn(f"{matrices} packed matrices expanded", expanded.err)
        self.assertEqual(expanded.json()["tokens"], without.json()["tokens"])
        ignored = self.ok("generate", packed, *PROMPT, "--no-tuning", env=env)
        self.assertEqual(ignored.json()["tuned_expanded"], 0)
        self.assertNotIn("tuning.json", ignored.err)
        env = self.tuned(packed, slower=False)
        self.assertEqual(self.ok("generate", packed, *PROMPT, env=env).json()["tuned_expanded"], 0)

    def test_thresholded_products_that_are_slower_by_columns_read_all_of_them(self):
        arguments = ("generate", MODEL, *PROMPT[:4], "-n", 8, "--json", "--activation-sparsity", 0.5)
        env = self.tuned(MODEL, slower=True)
        whole = self.ok(*arguments, env=env)
        matrices = 7 * json.loads((MODEL / "config.json").read_text())["num_hidden_layers"]
        self.assertEqual(whole.json()["tuned_read_whole"], matrices)
        self.assertEqual(whole.json()["converted_bytes"], 0)
        columns = self.ok(*arguments, "--no-tuning", env=env).json()
        self.assertEqual(columns["tuned_read_whole"], 0)
        self.assertGreater(columns["converted_bytes"], 0)
        self.assertEqual(whole.json()["tokens"], columns["tokens"])  # sums in another order: alike, not to the bit

    def test_packed_matrices_with_thresholds_are_multiplied_as_both_sparsities_were_measured(self):
        self.ok("prune", MODEL, "--method", "magnitude", "--sparsity", 0.5, "-o", self.folder / "pruned")
        packed = self.folder / "packed"
        self.ok("pack", self.folder / "pruned", "-o", packed)
        arguments = ("generate", packed, *PROMPT[:4], "-n", 8, "--json", "--activation-sparsity", 0.5)
        matrices = 7 * json.loads((MODEL / "config.json").read_text())["num_hidden_layers"]
        env = self.tuned(packed, slower=False)
        file = self.folder / "cache/tuning.json"
        document = json.loads(file.read_text())
        tokens = {}
        for fastest, expanded, whole in (("packed columns", 0, 0), ("columns", matrices, 0), ("bitmap", 0, matrices)):
            for entry in document["entries"]:
                if entry["operation"] != "both":
                    continue
                entry["choice"] = fastest
                for candidate in entry["candidates"]:
                    candidate["seconds"] = 0.5 if candidate["name"] == fastest else 1.0
            file.write_text(json.dumps(document))
            result = self.ok(*arguments, env=env).json()
            self.assertEqual((result["tuned_expanded"], result["tuned_read_whole"]), (expanded, whole), fastest)
            tokens[fastest] = result["tokens"]
        self.assertEqual(tokens["columns"], tokens["packed columns"])  # the same sums
        self.assertEqual(tokens["bitmap"], tokens["columns"])  # in another order: alike, not to the bit

    def test_a_damaged_or_closed_cache_changes_nothing(self):
        cache = self.folder / "cache"
        cache.mkdir()
        (cache / "tuning.json").write_text("{")
        damaged = self.ok("generate", MODEL, *PROMPT, env={"LACUNA_CACHE_DIR": str(cache)})
        self.assertIn("counts as empty", damaged.err)
        self.assertEqual((cache / "tuning.json").read_text(), "{")
        self.assertEqual(damaged.json()["tokens"], self.generate(MODEL)["tokens"])

    def test_divergence_grows_with_activation_sparsity(self):
        kl = []
        for sparsity in (0.01, 0.5, 0.9):
            result = self.generate(MODEL, "--activation-sparsity", sparsity, "--against", MODEL)
            self.assertEqual(result["activation_sparsity"], sparsity)
            kl.append(result["kl_mean"])
        self.assertLess(kl[0], 0.01)
        self.assertLess(kl[0], kl[1])
        self.assertLess(kl[1], kl[2])

    def test_inputs_left_out_are_told_of(self):
        told = "--against MODEL tells how far"
        self.assertIn(told, self.ok("generate", MODEL, *PROMPT, "--activation-sparsity", 0.5).err)
        self.assertNotIn(told, self.ok("generate", MODEL, *PROMPT, "--activation-sparsity", 0).err)
        self.assertNotIn(told, self.ok("generate", MODEL, *PROMPT, "--activation-sparsity", 0.5, "--against", MODEL).err)

    def test_a_profile_gives_the_thresholds(self):
        text = self.folder / "text.txt"
        text.write_text("Once upon a time there was a little girl who lived in a wood. " * 40)
        profile = self.folder / "profile.json"
        self.ok("activations", MODEL, "--calib", text, "--samples", 2, "--seqlen", 64, "--sparsity", "0.25,0.5", "-o", profile)
        result = self.generate(MODEL, "--profile", profile, "--activation-sparsity", 0.5, "--against", MODEL)
        self.assertGreater(result["kl_mean"], 0)
        self.fails(2, "E0102", "generate", MODEL, "--profile", profile)
        self.fails(2, "E0101", "generate", MODEL, "--profile", profile, "--activation-sparsity", 0.4)
        self.assertEqual(lacuna("generate", MODEL, "--activation-sparsity", 1).status, 2)
        document = json.loads(profile.read_text())
        for name, change in (("fewer layers", lambda d: d["inputs"].pop()),
                             ("other widths", lambda d: d["inputs"][0].update(features=64))):
            other = json.loads(json.dumps(document))
            change(other)
            profile.write_text(json.dumps(other))
            for command in (("generate", MODEL), ("eval", MODEL, "--text", text, "--seqlen", 64)):
                result = self.fails(1, "E0503", *command, "--profile", profile, "--activation-sparsity", 0.5)
                self.assertIn("is another model's", result.err, name)


if __name__ == "__main__":
    unittest.main()
