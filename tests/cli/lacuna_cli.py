"""Runs the lacuna program from outside, for the tests in this folder.

The program's path comes from LACUNA_BIN, the preloaded fault injector's from LACUNA_FAULTS, both set by ctest.
"""
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = os.environ.get("LACUNA_BIN", str(REPOSITORY / "build/release/bin/lacuna"))
FAULTS = os.environ.get("LACUNA_FAULTS", "")
SHARED = Path(os.environ.get("LACUNA_SHARED", REPOSITORY.parent / "shared"))
MODEL = REPOSITORY / "examples/tiny-llama"
SANITIZED = os.environ.get("LACUNA_SANITIZED") == "1"


@dataclasses.dataclass
class Result:
    status: int
    out: str
    err: str

    def json(self):
        return json.loads(self.out)


def lacuna(*arguments, env=None, cwd=None, timeout=600, stdin=None):
    run = subprocess.run([BIN, *map(str, arguments)], capture_output=True, text=True, env={**os.environ, **(env or {})},
                         cwd=cwd, timeout=timeout, input=stdin)
    return Result(run.returncode, run.stdout, run.stderr)


def tree_digest(folder):
    """File name → SHA-256 of every file below a folder."""
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(Path(folder).rglob("*")) if path.is_file()}


def needs_shared(relative):
    return unittest.skipUnless((SHARED / relative).exists(), f"needs shared data that is absent: {SHARED / relative}")


class CliTest(unittest.TestCase):
    """A test with a folder of its own and checks for the conventions that every command follows."""

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="lacuna-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def ok(self, *arguments, **options):
        result = lacuna(*arguments, **options)
        self.assertEqual(result.status, 0, f"{arguments}\n{result.err}")
        return result

    def fails(self, status, code, *arguments, **options):
        result = lacuna(*arguments, **options)
        self.assertEqual(result.status, status, f"{arguments}\n{result.out}\n{result.err}")
        self.assertEqual(result.out, "")
        self.assertRegex(result.err, rf"error\[{code}\]: .+\n\nhint: .+")
        return result
