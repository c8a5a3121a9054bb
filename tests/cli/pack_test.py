"""`lacuna pack` and `unpack` from outside; the packed files read again without Lacuna, by docs/formats/packed.md."""
import json
import struct
import unittest
from pathlib import Path

import numpy as np

from lacuna_cli import MODEL, CliTest, tree_digest

NUMPY = {"F32": np.uint32, "F16": np.uint16, "BF16": np.uint16, "U8": np.uint8, "U64": np.uint64}


def read_bits(path):
    """Tensors as unsigned integers of their width, and the metadata."""
    raw = Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(raw[begin:end], NUMPY[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def unpack_by_the_book(tensors, name, entry):
    rows, cols = entry["shape"]
    values = tensors[name + ".values"]
    dense = np.zeros((rows, cols), values.dtype)
    if entry["layout"] == "bitmap":
        mask = np.unpackbits(tensors[name + ".bitmap"], axis=1, count=cols, bitorder="little").astype(bool)
        counts = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        starts = np.minimum(np.arange(len(tensors[name + ".row_starts"])) * 16, rows)
        np.testing.assert_array_equal(tensors[name + ".row_starts"], counts[starts])
        dense[mask] = values
        return dense
    kept, group = entry["kept"], entry["group"]
    width = group.bit_length() - 1
    bits = np.unpackbits(tensors[name + ".indices"], axis=1, count=cols // group * kept * width, bitorder="little")
    places = bits.reshape(rows, cols // group, kept, width) @ (1 << np.arange(width))
    columns = places + np.arange(cols // group)[None, :, None] * group
    np.put_along_axis(dense, columns.reshape(rows, -1), values, axis=1)
    return dense


class Pack(CliTest):
    def pruned(self, *options):
        out = self.folder / "pruned"
        self.ok("prune", MODEL, "--method", "magnitude", *options, "--out", out)
        return out

    def check(self, dense, layout, ratio):
        packed, back = self.folder / "packed", self.folder / "back"
        result = self.ok("pack", dense, "-o", packed, "--json").json()
        self.assertEqual({matrix["layout"] for matrix in result["matrices"]}, {layout})
        self.assertEqual(len(result["matrices"]), 42)
        self.assertLessEqual(result["matrices_ratio"], ratio)
        self.assertEqual(result["files_packed_bytes"], (packed / "model.safetensors").stat().st_size)
        self.assertLess(result["files_ratio"], 1)
        self.ok("unpack", packed, "-o", back)
        self.assertEqual(tree_digest(dense), tree_digest(back))
        original, _ = read_bits(dense / "model.safetensors")
        tensors, metadata = read_bits(packed / "model.safetensors")
        for name, entry in json.loads(metadata["lacuna.packed"]).items():
            np.testing.assert_array_equal(unpack_by_the_book(tensors, name, entry), original[name], name)
        return packed

    def test_half_the_weights(self):
        dense = self.pruned("--sparsity", 0.5)
        packed = self.check(dense, "bitmap", 0.57)
        generated = [self.ok("generate", model, "--prompt", "Once", "-n", 24, "--temperature", 0, "--json").json()["tokens"]
                     for model in (dense, packed)]
        self.assertEqual(*generated)
        self.assertEqual(len(generated[0]), 24)

    def test_sparser_is_smaller(self):
        self.check(self.pruned("--sparsity", 0.9), "bitmap", 0.17)

    def test_two_of_four(self):
        self.check(self.pruned("--pattern", "2:4"), "2 of 4", 0.57)

    def test_show_sees_the_matrices(self):
        dense = self.pruned("--sparsity", 0.7)
        packed = self.check(dense, "bitmap", 0.37)
        shown = [self.ok("show", model, "--json").json() for model in (dense, packed)]
        self.assertEqual(shown[1]["kind"], "packed checkpoint")
        self.assertEqual(shown[0]["metadata"], shown[1]["metadata"])
        lines = [{t["name"]: (t["dtype"], t["shape"], t["zeros"], t["pattern"]) for t in s["tensors"]} for s in shown]
        self.assertEqual(*lines)

    def test_what_cannot_be_packed_is_said(self):
        self.fails(2, "E0101", "pack", MODEL, "-o", self.folder / "out")
        dense = self.pruned("--sparsity", 0.5)
        self.fails(2, "E0101", "unpack", dense, "-o", self.folder / "out")
        packed = self.folder / "packed"
        self.ok("pack", dense, "-o", packed)
        self.fails(2, "E0101", "pack", packed, "-o", self.folder / "out")
        self.fails(1, "E0204", "pack", dense, "-o", packed)
        for command in (["prune", packed, "--method", "magnitude", "--sparsity", "0.6", "--out", self.folder / "out"],
                        ["compare", packed, dense], ["mask", "extract", packed, "-o", self.folder / "out"]):
            self.fails(1, "E0302", *command)
        self.assertFalse((self.folder / "out").exists())

    def test_a_damaged_file_is_refused_with_its_place(self):
        packed = self.folder / "packed"
        self.ok("pack", self.pruned("--sparsity", 0.5), "-o", packed)
        path = packed / "model.safetensors"
        sound = path.read_bytes()
        size = struct.unpack("<Q", sound[:8])[0]
        header = json.loads(sound[8:8 + size])
        name = next(iter(json.loads(header["__metadata__"]["lacuna.packed"])))
        parts = [name + part for part in (".values", ".bitmap", ".row_starts")]
        for tensor in parts + ["model.embed_tokens.weight", "model.norm.weight"]:  # the last two carried over
            at = 8 + size + sum(header[tensor]["data_offsets"]) // 2
            path.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1:])
            for command in (["generate", packed, "-n", 1], ["show", packed], ["unpack", packed, "-o", self.folder / "u"]):
                result = self.fails(1, "E0301", *command)
                self.assertIn("model.safetensors at byte", result.err)
        path.write_bytes(sound[:-100])
        self.fails(1, "E0301", "generate", packed, "-n", 1)


if __name__ == "__main__":
    unittest.main()
