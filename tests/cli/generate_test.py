"""`lacuna generate` from outside: the same tokens for the same seed, and --device where there is no device."""
import unittest

from lacuna_cli import MODEL, CliTest, lacuna


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
        arguments = ("generate", MODEL, "--prompt", "Once", "-n", 12, "--temperature", 0, "--device", "cuda", "--json")
        result = lacuna(*arguments)
        if result.status == 0:
            self.assertEqual(result.json()["device"], "cuda")
            self.assertEqual(len(result.json()["tokens"]), 12)
        else:
            self.assertIn("--device cuda: ", self.fails(2, "E0101", *arguments).err)

    def test_an_unknown_device_is_refused(self):
        result = lacuna("generate", MODEL, "--device", "tpu")
        self.assertEqual(result.status, 2, result.err)
        self.assertIn("--device", result.err)


if __name__ == "__main__":
    unittest.main()
