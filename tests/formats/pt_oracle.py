"""PyTorch as the oracle of the .pt tests.

usage: pt_oracle.py write FOLDER       writes files of every kind, and FOLDER/manifest: what they hold
       pt_oracle.py describe FILE...   one line per tensor of each file, or one that says why torch refuses it
       pt_oracle.py strict FILE...     the same, by torch.load(weights_only=True) alone

A line: file, tensor name, dtype, shape, SHA-256 of the row-major bytes, separated by tabs. Every file that
loads has a line of its own first: file, '?'. A refusal: file, '!', reason.
"""
import collections
import hashlib
import pickle
import sys
import types
import warnings
from pathlib import Path

import torch


def rebuild_tensor_v2(*arguments):
    """With the `metadata` argument of newer versions, which tensors without conjugation or negation leave empty."""
    if len(arguments) == 7 and not arguments[6]:
        arguments = arguments[:6]
    return torch._utils._rebuild_tensor_v2(*arguments)


ALLOWED = {("collections", "OrderedDict"): collections.OrderedDict, ("torch", "Size"): torch.Size,
           **{("torch._utils", name): getattr(torch._utils, name)
              for name in ("_rebuild_tensor", "_rebuild_parameter")},
           ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor_v2,
           **{("torch", name): getattr(torch, name)
              for name in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")}}
DTYPES = {torch.float64: "f64", torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16", torch.int64: "i64",
          torch.int32: "i32", torch.int16: "i16", torch.int8: "i8", torch.uint8: "u8", torch.bool: "bool"}


class AllowListUnpickler(pickle.Unpickler):
    """Python's own unpickler, all protocols, with the globals of tensors only. Storage types are torch's business."""

    def find_class(self, module, name):
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"forbidden global {module}.{name}")
        return ALLOWED[module, name]


PICKLE = types.SimpleNamespace(Unpickler=AllowListUnpickler, UnpicklingError=pickle.UnpicklingError, __name__="pickle",
                               load=lambda file, **options: AllowListUnpickler(file, **options).load())


def load(path):
    """torch.load(weights_only=True); for what torch 1.13's own restricted unpickler lacks (floats, protocols 4 and 5),
    Python's unpickler under an allow-list. (torch 1.13 ignores the pickle_module argument: hence the attribute.)"""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        torch.serialization.pickle = PICKLE
        try:
            return torch.load(path, map_location="cpu")
        finally:
            torch.serialization.pickle = pickle


def tensors(value, path=()):
    if isinstance(value, torch.Tensor):
        yield ".".join(path), value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from tensors(item, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from tensors(item, (*path, str(index)))


def describe(file, value):
    for name, tensor in tensors(value):
        flat = tensor.detach().contiguous().reshape(-1)
        data = bytes(flat.view(torch.uint8).numpy()) if flat.numel() else b""
        shape = ",".join(map(str, tensor.shape))
        yield "\t".join([file, name, DTYPES[tensor.dtype], shape, hashlib.sha256(data).hexdigest()])


def special_floats():
    bits = torch.tensor([0x7FC00001, 0x7F800001, -0x3FFFFF, 0x7F800000, -0x800000, -0x80000000, 1, 0], dtype=torch.int64)
    return bits.to(torch.int32).view(torch.float32)


def cases():
    torch.manual_seed(7)
    base = torch.randn(6, 8, 5)
    for dtype, name in DTYPES.items():
        yield f"dtype_{name}", (base * 20).to(dtype)
        yield f"dtype_{name}_strided", {"t": (base * 20).to(dtype)[1::2, :, 1:4].transpose(0, 2)}
    yield "bare", base
    yield "scalar", torch.tensor(3.5)
    yield "empty", torch.empty(0)
    yield "empty_matrix", {"a": torch.empty(3, 0, 5), "beyond": torch.arange(9)[::2][5:5]}
    yield "nan_payloads", special_floats()
    yield "transposed", base.permute(2, 0, 1)
    yield "fortran", torch.randn(4, 7).t().contiguous().t()
    yield "offset", base[3:, 2:7]
    yield "row", base[2, 3]
    yield "expanded", {"e": torch.arange(5.0).expand(4, 5), "z": torch.zeros(1).expand(3, 2)}
    yield "shared", {"whole": base, "part": base[1], "again": base, "step": base.view(-1)[::7]}
    yield "nested", {"a": {"b": [torch.arange(3), (torch.arange(4), {"c": torch.arange(5)})]}, "n": 1, "s": "x", "f": 2.5,
                     "none": None, "flag": True, "big": 1 << 80, "size": torch.Size([2, 3]), "type": torch.float16}
    yield "int_keys", {0: torch.arange(2), 10: {-1: torch.arange(3)}}
    yield "ordered", collections.OrderedDict([("z", torch.ones(2)), ("a", torch.zeros(3))])
    yield "list", [torch.ones(2), torch.zeros(1)]
    yield "parameter", torch.nn.Parameter(torch.randn(3, 2))
    yield "frozen", torch.nn.Parameter(torch.arange(4), requires_grad=False)
    yield "gradient", torch.randn(3).requires_grad_()
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 3, bias=False))
    yield "state_dict", model.state_dict()
    yield "checkpoint", {"epoch": 3, "model": model.state_dict(), "optimizer": torch.optim.SGD(
        model.parameters(), lr=0.1, momentum=0.9).state_dict(), "loss": 0.25}
    yield "many", {f"layer.{i}": torch.full((2, 2), float(i)) for i in range(1500)}
    yield "no_tensors", {"a": [1, 2.5, "x", None]}
    yield "unicode", {"größe.重み": torch.ones(1)}


def write(folder):
    lines = []
    for name, value in cases():
        variants = {f"{name}.pt": {}, f"{name}_legacy.pt": {"_use_new_zipfile_serialization": False}}
        if name in ("nested", "state_dict", "bare", "many"):
            variants |= {f"{name}_protocol{p}{'_legacy' * legacy}.pt":
                         {"pickle_protocol": p, "_use_new_zipfile_serialization": not legacy}
                         for p in (1, 3, 4, 5) for legacy in (False, True)}
        for file, options in variants.items():
            torch.save(value, folder / file, **options)
            lines += [f"{file}\t?", *describe(file, value)]
    Path(folder / "manifest").write_text("\n".join(lines) + "\n")


def main():
    warnings.simplefilter("ignore")
    if sys.argv[1] == "write":
        write(Path(sys.argv[2]))
        return
    for path in map(Path, sys.argv[2:]):
        try:
            value = torch.load(path, weights_only=True) if sys.argv[1] == "strict" else load(path)
            lines = [f"{path.name}\t?", *describe(path.name, value)]
        except Exception as error:  # whatever torch raises is a refusal
            lines = [f"{path.name}\t!\t{type(error).__name__}: {' '.join(str(error).split())[:200]}"]
        print("\n".join(lines))


if __name__ == "__main__":
    main()
