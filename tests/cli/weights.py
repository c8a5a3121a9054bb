"""Reads the weights of a checkpoint without Lacuna: safetensors parsed by hand, bf16 widened with numpy."""
import json
import struct
from pathlib import Path

import numpy as np

NUMPY = {"F32": np.float32, "F16": np.float16, "I32": np.int32, "U8": np.uint8, "I64": np.int64}


def read_safetensors(path):
    raw = Path(path).read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        if entry["dtype"] == "BF16":
            values = (np.frombuffer(raw[begin:end], np.uint16).astype(np.uint32) << 16).view(np.float32)
        else:
            values = np.frombuffer(raw[begin:end], NUMPY[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"])
    return tensors


def read_model(folder):
    tensors = {}
    for path in sorted(Path(folder).glob("*.safetensors")):
        if path.name.startswith("model"):
            tensors.update(read_safetensors(path))
    return tensors


def linear_name(tensors, key):
    """Tensor name of golden key "0.self_attn.q_proj" in any of the families."""
    layer, component = key.split(".", 1)
    for prefix in ("model.layers.", "model.decoder.layers.", "decoder.layers."):
        name = f"{prefix}{layer}.{component}.weight"
        if name in tensors:
            return name
    raise KeyError(key)


def mask_agreement(folder, golden):
    """Share of entries in which the non-zeros of a pruned model equal the golden masks."""
    tensors, masks = read_model(folder), np.load(golden)
    same = total = 0
    for key in masks.files:
        kept = tensors[linear_name(tensors, key)] != 0
        want = np.unpackbits(masks[key], axis=1)[:, :kept.shape[1]] != 0
        same, total = same + int((kept == want).sum()), total + kept.size
    return same / total
