"""What every command shares: exit statuses, the layout of errors, where output goes."""
import json
import os
import re
import unittest

from lacuna_cli import CliTest, REPOSITORY, lacuna


def command_names():
    return re.findall(r"^  ([a-z]+) {2,}\S", lacuna("help").out, re.M)


class Conventions(CliTest):
    def test_help_lists_commands_that_all_have_help(self):
        names = command_names()
        self.assertGreater(len(names), 3)
        for name in names:
            with self.subTest(name):
                self.assertIn(f"lacuna {name}", self.ok("help", name).out)
                self.assertIn(f"lacuna {name}", self.ok(name, "--help").out)

    def test_unknown_command_and_option_are_wrong_usage(self):
        self.fails(2, "E0101", "prunex")
        self.fails(2, "E0101", "info", "--nonsense")
        self.fails(2, "E0101", "info", "--threads", "0")
        self.fails(2, "E0101", "help", "nonsense")

    def test_version_names_commit_and_features(self):
        out = self.ok("--version").out
        self.assertRegex(out, r"^lacuna \d+\.\d+\.\d+ \([0-9a-f]{12}(-dirty)?|unknown\)")
        self.assertIn("features:", out)

    def test_json_is_one_document_and_errors_are_json_too(self):
        self.assertIn("version", self.ok("info", "--json").json())
        result = lacuna("explain", "E9999", "--json")
        self.assertEqual((result.status, result.out), (2, ""))
        self.assertEqual(json.loads(result.err)["error"]["code"], "E0101")

    def test_every_error_code_is_explained(self):
        for info in self.ok("explain", "--json").json()["codes"]:
            self.assertIn(info["title"], self.ok("explain", info["code"].lower()).out)

    def test_exit_statuses_are_documented_in_one_table(self):
        text = (REPOSITORY / "docs/cli.md").read_text()
        for status in ("| 0 |", "| 1 |", "| 2 |", "| 130 |"):
            self.assertIn(status, text)

    def test_completions_mention_every_command(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.ok("completion", shell).out
            for name in command_names():
                self.assertIn(name, script)

    def test_full_output_device_is_an_error(self):
        with open("/dev/full", "w") as full:
            import subprocess
            from lacuna_cli import BIN
            run = subprocess.run([BIN, "help"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(run.returncode, 1)
        self.assertIn("error[E0203]", run.stderr)

    def test_isa_override_is_checked_and_shown(self):
        self.assertEqual(self.ok("info", "--json", env={"LACUNA_ISA": "scalar"}).json()["cpu"]["isa"], "scalar")
        self.fails(2, "E0101", "info", env={"LACUNA_ISA": "mmx"})


if __name__ == "__main__":
    os.chdir("/")
    unittest.main()
