"""Holds the layers: every #include "lacuna/…" against cmake/layers.cmake, every public header compiled alone.

usage: layers_test.py REPOSITORY
"""
import concurrent.futures
import os
import re
import subprocess
import sys
from pathlib import Path


def allowed_layers(repository):
    text = (repository / "cmake/layers.cmake").read_text()
    return {name: set(value.replace('"', "").split()) | {name}
            for name, value in re.findall(r"set\(LACUNA_LAYER_(\w+)([^)]*)\)", text)}


def include_errors(repository, layers):
    for path in sorted((repository / "src/lacuna").rglob("*")):
        if path.suffix not in {".hpp", ".cpp", ".cu", ".cuh", ".in"}:
            continue
        module = path.relative_to(repository / "src/lacuna").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found = re.match(r'\s*#include [<"]lacuna/(\w+)/', line)
            where = f"{path.relative_to(repository)}:{number}"
            if found and found.group(1) not in layers[module]:
                yield f"{where}: {module} may not include {found.group(1)}"
            if re.match(r"\s*#include [<\"]duckdb", line) and module != "store":
                yield f"{where}: only store includes duckdb"


def header_errors(repository):
    headers = sorted((repository / "src/lacuna").rglob("*.hpp"))
    compiler = os.environ.get("CXX", "c++")

    def alone(header):
        run = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-x", "c++", "-I",
                              repository / "src", header], capture_output=True, text=True)
        errors = [line for line in run.stderr.splitlines() if "#pragma once in main file" not in line]
        return None if run.returncode == 0 else f"{header.relative_to(repository)} does not compile alone:\n" + "\n".join(errors[:8])

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from filter(None, pool.map(alone, headers))


def main():
    repository = Path(sys.argv[1]).resolve()
    layers = allowed_layers(repository)
    if len(layers) < 5:
        sys.exit("cmake/layers.cmake: no layers found")
    errors = [*include_errors(repository, layers), *header_errors(repository)]
    print("\n".join(errors) or f"{len(layers)} modules hold their layers")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
