"""Killed, interrupted and disk-full pruning runs: the output is absent or whole, and a resumed run ends with the same bytes.

LACUNA_KILL_POINTS=all kills at every call that changes files; by default at a spread of them.
"""
import os
import random
import shutil
import signal
import subprocess
import time
import unittest

import numpy as np

from lacuna_cli import BIN, FAULTS, MODEL, CliTest, lacuna, tree_digest


class Resume(CliTest):
    def setUp(self):
        super().setUp()
        if not FAULTS:
            self.skipTest("needs the fault injector (run through ctest)")
        self.calib = self.folder / "calib.npy"
        np.save(self.calib, np.random.default_rng(0).integers(5, 8192, (2, 16), dtype=np.int32))
        self.work = self.folder / "work"
        self.work.mkdir()

    def arguments(self, method, out, *more):
        return ["prune", MODEL, "--method", method, "--sparsity", "0.5", "--calib", self.calib, "--samples", "2",
                "--seqlen", "16", "--out", out, "--format", "hf,pt", "--quiet", *more]

    def fault_environment(self, fault=None):
        environment = {"LD_PRELOAD": FAULTS, "LACUNA_FAULT_PREFIX": str(self.work)}
        if fault:
            environment["LACUNA_FAULT"] = fault
        return environment

    def undisturbed(self, method):
        out, count = self.folder / f"reference-{method}", self.folder / "count"
        result = lacuna(*self.arguments(method, out), env={"LD_PRELOAD": FAULTS, "LACUNA_FAULT_PREFIX": str(out),
                                                           "LACUNA_FAULT_COUNT": str(count)})
        self.assertEqual(result.status, 0, result.err)
        return tree_digest(out), int(count.read_text())

    def clean(self):
        shutil.rmtree(self.work)
        self.work.mkdir()

    @staticmethod
    def points(calls, at_most):
        if os.environ.get("LACUNA_KILL_POINTS") == "all" or calls <= at_most:
            return range(1, calls + 1)
        return sorted(random.Random(0).sample(range(1, calls + 1), at_most))

    def resume_and_compare(self, method, expected, where):
        out = self.work / "out"
        result = lacuna(*self.arguments(method, out, "--resume"))
        self.assertEqual(result.status, 0, f"{where}\n{result.err}")
        self.assertEqual(tree_digest(out), expected, where)
        self.assertEqual([path.name for path in self.work.iterdir()], ["out"], where)

    def test_killed_runs_resume_to_the_same_bytes(self):
        for method, at_most in (("sparsegpt", 24), ("wanda", 12), ("magnitude", 12)):
            expected, calls = self.undisturbed(method)
            self.assertGreater(calls, 50)
            for point in self.points(calls, at_most):
                with self.subTest(method=method, point=point):
                    self.clean()
                    result = lacuna(*self.arguments(method, self.work / "out"), env=self.fault_environment(f"kill:{point}"))
                    self.assertEqual(result.status, -signal.SIGKILL)
                    if (self.work / "out").exists():
                        self.assertEqual(tree_digest(self.work / "out"), expected, "visible but not whole")
                    self.resume_and_compare(method, expected, f"{method}, killed at call {point} of {calls}")

    def test_failing_disks_give_an_error_and_nothing_half_written(self):
        expected, calls = self.undisturbed("wanda")
        for fault, code in (("enospc", "E0203"), ("eio", "E0202"), ("enospc-from", "E0203")):
            for point in self.points(calls, 8):
                with self.subTest(fault=fault, point=point):
                    self.clean()
                    result = lacuna(*self.arguments("wanda", self.work / "out"), env=self.fault_environment(f"{fault}:{point}"))
                    if result.status == 0:  # the call was one whose failure changes nothing, such as a removal at the end
                        self.assertEqual(tree_digest(self.work / "out"), expected)
                        continue
                    self.assertEqual(result.status, 1, result.err)
                    self.assertIn(f"error[{code}]", result.err)
                    if (self.work / "out").exists():
                        self.assertEqual(tree_digest(self.work / "out"), expected)
                    self.resume_and_compare("wanda", expected, f"{fault} at call {point}")

    def test_short_writes_are_completed(self):
        expected, calls = self.undisturbed("wanda")
        for point in self.points(calls, 8):
            self.clean()
            result = lacuna(*self.arguments("wanda", self.work / "out"), env=self.fault_environment(f"short:{point}"))
            self.assertEqual(result.status, 0, result.err)
            self.assertEqual(tree_digest(self.work / "out"), expected)

    def test_sigint_and_sigterm_stop_cleanly(self):
        expected, _ = self.undisturbed("sparsegpt")
        for number in (signal.SIGINT, signal.SIGTERM):
            self.clean()
            child = subprocess.Popen([BIN, *map(str, self.arguments("sparsegpt", self.work / "out"))],
                                     stderr=subprocess.PIPE, text=True)
            deadline = time.time() + 60
            while not list(self.work.glob("*/*/layer-*")) and time.time() < deadline and child.poll() is None:
                time.sleep(0.002)
            child.send_signal(number)
            _, err = child.communicate(timeout=60)
            if child.returncode != 0:  # it may have been done already
                self.assertEqual(child.returncode, 130, err)
                self.assertIn("error[E0901]", err)
                self.assertIn("--resume", err)
                self.assertFalse((self.work / "out").exists())
            self.resume_and_compare("sparsegpt", expected, f"signal {number}")

    def test_resume_wants_the_same_recipe(self):
        out = self.work / "out"
        lacuna(*self.arguments("wanda", out), env=self.fault_environment("kill:60"))
        self.assertFalse(out.exists())
        self.fails(1, "E0204", *self.arguments("wanda", out))  # without --resume the partial run is not touched
        shorter = ["15" if argument == "16" else argument for argument in self.arguments("wanda", out, "--resume")]
        changed = self.fails(1, "E0603", *shorter)
        self.assertIn("calibration_digest", changed.err)  # shorter sequences are other tokens

    def test_resume_without_an_unfinished_run_starts_one(self):
        self.ok(*self.arguments("wanda", self.work / "whole"))
        self.ok(*self.arguments("wanda", self.work / "out", "--resume"))
        self.assertEqual(tree_digest(self.work / "out"), tree_digest(self.work / "whole"))

    def test_resuming_a_finished_run_changes_nothing(self):
        out = self.work / "out"
        self.ok(*self.arguments("magnitude", out))
        before = tree_digest(out)
        self.ok(*self.arguments("magnitude", out, "--resume"))
        self.assertEqual(tree_digest(out), before)

    def test_unwritable_folders_are_named(self):
        if os.geteuid() == 0:
            out = "/proc/lacuna-out"
        else:
            self.work.chmod(0o500)
            out = self.work / "out"
        result = lacuna(*self.arguments("magnitude", out))
        self.assertEqual(result.status, 1)
        self.assertIn(str(out), result.err)


if __name__ == "__main__":
    unittest.main()
