"""Holds the layers: every #include "lacuna/…" against cmake/layers.cmake, every public header compiled alone; and that no
two types share a qualified name, which the linker would merge without a word.

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


def classes(path):
    """Qualified names of the types a file defines at namespace level, outside unnamed namespaces, with their lines."""
    namespaces = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        opened = re.match(r"(?:inline )?namespace(?: ([\w:]+))? \{$", line)
        if opened:
            namespaces.append(opened.group(1))
        elif line.startswith("}  // namespace") and namespaces:
            namespaces.pop()
        defined = re.match(r"(?:class|struct|union)(?: alignas\(\w+\))? (\w+)(?: final)?(?: :[^;]*)? \{", line)
        if defined and None not in namespaces:
            yield "::".join([*namespaces, defined.group(1)]), number


def class_errors(repository):
    places = {}
    for folder in ("src", "apps"):
        for path in sorted((repository / folder).rglob("*")):
            if path.suffix not in {".hpp", ".cpp", ".cu", ".cuh", ".h"}:
                continue
            for name, number in classes(path):
                if "HWY_NAMESPACE" not in name:  # one file may open it several times, with other targets
                    places.setdefault(name, []).append(f"{path.relative_to(repository)}:{number}")
    if len(places) < 100:
        yield f"expected hundreds of types, found {len(places)}"
    yield from (f"{name} is defined at {' and at '.join(where)}" for name, where in places.items() if len(where) > 1)


def main():
    repository = Path(sys.argv[1]).resolve()
    layers = allowed_layers(repository)
    if len(layers) < 5:
        sys.exit("cmake/layers.cmake: no layers found")
    errors = [*include_errors(repository, layers), *class_errors(repository), *header_errors(repository)]
    print("\n".join(errors) or f"{len(layers)} modules hold their layers")
    sys.exit(bool(errors))


if __name__ == "__main__":
    main()
