"""Holds Lacuna's safetensors reader and writer against the Rust reference (the Python package safetensors).

usage: safetensors_oracle_test.py SAFETENSORS_VERDICTS [MUTATIONS] [SEED]

Mutated files: whatever the reference refuses, Lacuna refuses; whatever both accept has the same tensors. Written files:
the reference reads them back, and they are its own bytes.
"""
import ctypes
import hashlib
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ORACLE = Path(__file__).resolve().parents[2] / ".deps/oracle/bin/python"
if ORACLE.exists() and Path(sys.prefix) != ORACLE.parents[1]:
    os.execv(ORACLE, [str(ORACLE), *sys.argv])

try:
    import safetensors
except ImportError:
    print("skipped: needs the Python package safetensors (packaging/setup.sh puts it into .deps/oracle)")
    sys.exit(77)

WIDTHS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4, "I16": 2, "I8": 1,
          "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
EXOTIC = {"F4", "F6_E2M3", "F6_E3M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "C64"}
PIECES = ["[", "]", "{", "}", ",", ":", '"', "\\", "0", "-", "-0", "1.0", "1e1", "18446744073709551616", "null", "true",
          " ", "\n", "\\u0041", "\\ud800", "F32", "U8", "F4", "C64", '"shape"', '"dtype"', "[0,0]", "[]", "é", "/"]


def pack(header, data):
    text = header if isinstance(header, bytes) else header.encode()
    return struct.pack("<Q", len(text)) + text + data


def random_file(rng):
    """A valid file: random types, shapes, order of entries and metadata."""
    entries, offset, items = [], 0, []
    for i in range(rng.randrange(5)):
        dtype = rng.choice(list(WIDTHS) + (sorted(EXOTIC) if rng.random() < 0.02 else []))
        shape = [rng.choice([0, 1, 2, 3, 8]) for _ in range(rng.randrange(4))]
        size = WIDTHS.get(dtype, 1)
        for extent in shape:
            size *= extent
        items.append((f"t{i}" + rng.choice(["", ".weight", "é"]), {"dtype": dtype, "shape": shape,
                                                                    "data_offsets": [offset, offset + size]}))
        offset += size
    rng.shuffle(items)
    entries = dict(items)
    if rng.random() < 0.5:
        entries["__metadata__"] = {"format": "pt"}
    text = json.dumps(entries, ensure_ascii=rng.random() < 0.5, separators=rng.choice([(",", ":"), (", ", ": ")]))
    return text + " " * rng.randrange(9), rng.randbytes(offset)


def mutate(rng, text, data):
    """One to three edits of the header's text, its numbers, the length field or the data."""
    raw = text.encode()
    length = None
    for _ in range(rng.randrange(1, 4)):
        kind = rng.randrange(8)
        at = rng.randrange(len(raw)) if raw else 0
        if kind == 0:
            raw = raw[:at] + rng.choice(PIECES).encode() + raw[at:]
        elif kind == 1:
            raw = raw[:at] + raw[at + rng.randrange(1, 6):]
        elif kind == 2:
            raw = raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1:]
        elif kind in (3, 4):
            numbers = list(re.finditer(rb"\d+", raw))
            if numbers:
                found = rng.choice(numbers)
                value = int(found[0])
                value = rng.choice([value + 1, max(0, value - 1), 0, value * 2, 2**63, 2**64 - 1, 2**62, -value])
                raw = raw[:found.start()] + str(value).encode() + raw[found.end():]
        elif kind == 5:
            data = rng.choice([data[:-1], data + b"x", b"", data + data])
        elif kind == 6:
            length = rng.choice([0, 1, len(raw) - 1, len(raw) + 1, len(raw) + len(data), 2**40, 2**64 - 1])
        else:
            strings = list(re.finditer(rb'"[^"]*"', raw))
            if len(strings) > 1:
                a, b = rng.choice(strings), rng.choice(strings)
                raw = raw[:a.start()] + b[0] + raw[a.end():]
    prefix = struct.pack("<Q", (len(raw) if length is None else length) % 2**64)
    return prefix + raw + data


def reference(content):
    """The reference's tensors, {name: (dtype, shape, digest)}, or None when it refuses."""
    try:
        tensors = safetensors.deserialize(content)
    except Exception:  # SafetensorError, and whatever else the binding raises
        return None
    return {name: (info["dtype"], list(info["shape"]), hashlib.sha256(bytes(info["data"])).hexdigest())
            for name, info in tensors}


def lacuna(tool, folder):
    """{file name: tensors or None} as the tool prints them."""
    output = subprocess.run([tool, "read", folder], capture_output=True, check=True).stdout.decode()
    verdicts = {}
    for block in filter(None, output.split("\n\n")):
        name, *lines = block.strip("\n").split("\n")
        tensors = {}
        for line in lines:
            if line.startswith("refused "):
                tensors = None
                break
            key, dtype, shape, digest = line.split("\t")
            tensors[json.loads(key)] = (dtype, json.loads(shape), digest)
        verdicts[name] = tensors
    return verdicts


def check_mutations(tool, folder, count, rng):
    contents = {}
    for i in range(count):
        text, data = random_file(rng)
        content = pack(text, data) if i % 10 == 0 else mutate(rng, text, data)
        contents[f"{i:07}"] = content
        (folder / f"{i:07}").write_bytes(content)
    verdicts = lacuna(tool, folder)
    laxer, different, stricter, accepted = [], [], 0, 0
    for name, content in contents.items():
        expected, got = reference(content), verdicts[name]
        if got is not None and expected is None:
            laxer.append(content)
        elif got is not None and {k: (str(v[0]), v[1], v[2]) for k, v in expected.items()} != got:
            different.append((content, expected, got))
        stricter += got is None and expected is not None
        accepted += got is not None
    print(f"{count} files: {accepted} accepted by both, {stricter} refused by Lacuna alone, {len(laxer)} by the reference "
          f"alone, {len(different)} read differently")
    for content in laxer[:5]:
        print("laxer than the reference:", content)
    for case in different[:5]:
        print("read differently:", *case)
    if accepted < count // 20:
        sys.exit("too few valid files among them to mean anything")
    return not laxer and not different


def check_written(tool, folder, rng):
    """Files that Lacuna copies are what the reference would have written."""
    wrong = written = 0
    for i in range(40):
        text, data = random_file(rng)
        entries = json.loads(text)
        if any(e.get("dtype") in EXOTIC for e in entries.values()):
            continue
        metadata = entries.pop("__metadata__", None)
        source, target = folder / f"in{i}", folder / f"out{i}"
        source.write_bytes(pack(text, data))
        subprocess.run([tool, "copy", source, target], check=True)
        tensors = {name: {"dtype": e["dtype"], "shape": e["shape"],
                          "data": data[e["data_offsets"][0]:e["data_offsets"][1]]} for name, e in entries.items()}
        if reference(target.read_bytes()) != reference(source.read_bytes()):
            wrong += 1
            print("not read back:", text)
        expected = serialize(tensors, metadata)
        if expected != target.read_bytes():
            wrong += 1
            print("expected", expected, "got", target.read_bytes())
        written += 1
    print(f"{written} files written, {wrong} unlike the reference's")
    return wrong == 0


NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
         "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
         "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool"}


def serialize(tensors, metadata):
    """The reference's own bytes for these tensors."""
    buffers = {name: ctypes.create_string_buffer(tensor["data"], max(1, len(tensor["data"])))
               for name, tensor in tensors.items()}
    specs = {name: safetensors.TensorSpec(dtype=NAMES[tensor["dtype"]], shape=tensor["shape"],
                                          data_ptr=ctypes.addressof(buffers[name]), data_len=len(tensor["data"]))
             for name, tensor in tensors.items()}
    return bytes(safetensors.serialize(specs, metadata=metadata))


def main():
    tool = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 4000
    rng = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # thousands of small files
    with tempfile.TemporaryDirectory(dir=memory) as mutated, tempfile.TemporaryDirectory(dir=memory) as written:
        good = check_mutations(tool, Path(mutated), count, rng)
        good = check_written(tool, Path(written), rng) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
