"""`cmake --install` gives a program that runs from there and a CMake package that a stranger's project can use."""
import os
import subprocess
import unittest
from pathlib import Path

from lacuna_cli import BIN, CliTest

CONSUMER_CMAKE = """cmake_minimum_required(VERSION 3.22)
project(consumer CXX)
find_package(lacuna REQUIRED)
add_executable(consumer main.cpp)
target_link_libraries(consumer PRIVATE lacuna::bits)
"""
CONSUMER_MAIN = """#include <lacuna/bits/pattern.hpp>
#include <cstdio>
int main() {
  const float weights[] = {0, 1, 0, 2, 3, 0, 4, 0};
  const auto view = lacuna::make_tensor_view(lacuna::DType::f32, {2, 4}, weights);
  std::puts(lacuna::summarize_pattern(view).label().c_str());
}
"""


class Install(CliTest):
    def run_command(self, *command, **options):
        run = subprocess.run([*map(str, command)], capture_output=True, text=True, **options)
        self.assertEqual(run.returncode, 0, f"{command}\n{run.stdout[-2000:]}\n{run.stderr[-2000:]}")
        return run.stdout

    def test_installed_program_and_package(self):
        build, prefix = Path(BIN).parents[1], self.folder / "prefix"
        self.run_command("cmake", "--install", build, "--prefix", prefix)
        environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        self.assertIn("lacuna ", self.run_command(prefix / "bin/lacuna", "--version", env=environment))
        for relative in ("share/man/man1/lacuna.1", "share/bash-completion/completions/lacuna",
                         "share/zsh/site-functions/_lacuna", "share/fish/vendor_completions.d/lacuna.fish",
                         "include/lacuna/core/error.hpp", "include/lacuna/core/error_codes.def"):
            self.assertTrue((prefix / relative).stat().st_size > 100, relative)
        consumer = self.folder / "consumer"
        consumer.mkdir()
        (consumer / "CMakeLists.txt").write_text(CONSUMER_CMAKE)
        (consumer / "main.cpp").write_text(CONSUMER_MAIN)
        self.run_command("cmake", "-S", consumer, "-B", consumer / "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}")
        self.run_command("cmake", "--build", consumer / "build")
        self.assertEqual(self.run_command(consumer / "build/consumer").strip(), "1:2")


if __name__ == "__main__":
    unittest.main()
