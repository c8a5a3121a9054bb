"""Runs every command of the README as written, in one folder, as a new user would."""
import os
import re
import shutil
import subprocess
import unittest
from pathlib import Path

from lacuna_cli import BIN, REPOSITORY, CliTest


class Readme(CliTest):
    def test_its_commands_work(self):
        shutil.copytree(REPOSITORY / "examples", self.folder / "examples")
        text = (REPOSITORY / "README.md").read_text()
        commands = [line[2:] for block in re.findall(r"```sh\n(.*?)```", text, re.S)
                    for line in block.splitlines() if line.startswith("$ ")]
        self.assertGreater(len(commands), 7)
        environment = {**os.environ, "PATH": f"{Path(BIN).parent}:{os.environ['PATH']}"}
        for command in commands:
            run = subprocess.run(command, shell=True, cwd=self.folder, env=environment, capture_output=True, text=True)
            self.assertEqual(run.returncode, 0, f"{command}\n{run.stderr}")

    def test_its_links_lead_somewhere(self):
        for document in [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]:
            for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
                self.assertTrue((document.parent / target).exists(), f"{document.name} links to {target}")


if __name__ == "__main__":
    unittest.main()
