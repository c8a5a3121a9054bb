"""NumPy as the oracle of the .npy and .npz tests.

usage: npy_oracle.py write FOLDER       writes files of every kind, and FOLDER/manifest: what they hold
       npy_oracle.py describe FILE...   one line per array of each file, or one that says why NumPy refuses it

Lines as those of pt_oracle.py.
"""
import hashlib
import sys
from pathlib import Path

import numpy as np

DTYPES = {"float64": "f64", "float32": "f32", "float16": "f16", "int64": "i64", "int32": "i32", "int16": "i16",
          "int8": "i8", "uint64": "u64", "uint32": "u32", "uint16": "u16", "uint8": "u8", "bool": "bool"}


def describe(file, value):
    arrays = {"": value} if isinstance(value, np.ndarray) else value
    for name, array in arrays.items():
        shape = ",".join(map(str, array.shape))
        digest = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        yield "\t".join([file, name, DTYPES[str(array.dtype)], shape, digest])


def load(path):
    value = np.load(path, allow_pickle=False)
    return value if isinstance(value, np.ndarray) else {name: value[name] for name in value.files}


def arrays():
    random = np.random.default_rng(3)
    base = random.normal(size=(5, 6, 7)) * 40
    for dtype in DTYPES:
        yield f"{dtype}", base.astype(dtype)
        yield f"{dtype}_fortran", np.asfortranarray(base.astype(dtype))
    yield "scalar", np.array(2.5, np.float32)
    yield "empty", np.empty((3, 0, 4), np.int32)
    yield "empty_fortran", np.asfortranarray(np.empty((0, 4), np.int32))
    yield "vector", np.arange(9, dtype=np.int32)
    yield "zeros", np.zeros(3000)


def write(folder):
    lines = []
    named = dict(arrays())
    for name, array in named.items():
        np.save(folder / f"{name}.npy", array)
        lines += [f"{name}.npy\t?", *describe(f"{name}.npy", array)]
    for version in ((2, 0), (3, 0)):
        file = f"version{version[0]}.npy"
        with open(folder / file, "wb") as stream:
            np.lib.format.write_array(stream, named["float32"], version=version)
        lines += [f"{file}\t?", *describe(file, named["float32"])]
    for file, save in (("stored.npz", np.savez), ("deflated.npz", np.savez_compressed)):
        save(folder / file, **named)
        lines += [f"{file}\t?", *describe(file, named)]
    Path(folder / "manifest").write_text("\n".join(lines) + "\n")


def main():
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
        return
    for path in map(Path, sys.argv[2:]):
        try:
            print("\n".join([f"{path.name}\t?", *describe(path.name, load(path))]))
        except Exception as error:  # whatever NumPy raises is a refusal
            print(f"{path.name}\t!\t{type(error).__name__}: {' '.join(str(error).split())[:200]}")


if __name__ == "__main__":
    main()
