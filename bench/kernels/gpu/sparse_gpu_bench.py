"""Times the CUDA kernels beside cuBLAS (torch linear) and, where its source is given, TEAL's Triton kernel, in one run.

Every result is checked against a product in float64 before it is timed. A time is that of one call inside a CUDA graph
over buffers rotated past the L2 cache: median of nine replays. "overlap" launches by programmatic dependent launch.

usage: sparse_gpu_bench.py LIBRARY [--teal FOLDER] [--part packed|active|fused|gemm|all] [--shapes 4096x4096,…] [--json FILE]
LIBRARY is liblacuna_gpu_bench.so; FOLDER holds TEAL's kernels/sparse_gemv.py.
"""
import argparse
import json
import sys
import types

import torch
from gpu_library import Library, calls_of, copies_of, graph_time, require_close

SHAPES = [(4096, 4096), (11008, 4096), (4096, 11008), (14336, 4096), (4096, 14336), (28672, 8192), (8192, 28672)]


def dense_time(weight, x):
    copies = copies_of(weight.numel() * 2)
    weights = [weight.clone() for _ in range(copies)]
    return graph_time(lambda i: torch.nn.functional.linear(x, weights[i % copies]), calls_of(copies))


def bench_packed(library, rows, cols, dtype, sparsities, multiprocessors, out):
    torch.manual_seed(1)
    dense = torch.randn(rows, cols, device="cuda", dtype=dtype)
    x = torch.randn(1, cols, device="cuda", dtype=dtype)
    base = dense_time(dense, x)
    for sparsity in sparsities:
        if sparsity == "2:4":
            order = torch.rand(rows, cols // 4, 4, device="cuda").argsort(-1)
            weight = (dense.view(rows, -1, 4) * (order < 2)).view(rows, cols)
            kind, share = "two_four", 0.5
        else:
            weight = dense * (torch.rand(rows, cols, device="cuda") >= sparsity)
            kind, share = "bundles", 1 - sparsity
        expected = weight.double() @ x[0].double()
        ideal_bytes = rows * cols * (2 * share + 0.125)
        copies = copies_of(ideal_bytes)
        devices, size = library.packed(kind, weight, multiprocessors, copies)
        row = {"part": "packed", "shape": f"{rows}x{cols}", "dtype": str(dtype)[6:], "sparsity": sparsity,
               "dense_us": base, "bytes_per_position": size / rows / cols}
        for overlap in (False, True):
            y = torch.full((rows,), float("nan"), device="cuda", dtype=dtype)
            library.multiply(kind, devices[0], x, y, overlap)
            torch.cuda.synchronize()
            require_close(y, expected, f"{kind} {rows}x{cols} {sparsity}")
            time = graph_time(lambda i: library.multiply(kind, devices[i % copies], x, y, overlap), calls_of(copies))
            row["overlap_us" if overlap else "plain_us"] = time
        library.release(kind, devices)
        out(row)


def load_teal(folder):
    stub = types.ModuleType("compile_wrapper")
    stub.BaseKernel = object
    sys.modules["compile_wrapper"] = stub
    sys.path.insert(0, folder)
    import sparse_gemv
    return sparse_gemv.splitk_sparse_gemv


def bench_active(library, teal, rows, cols, dtype, sparsities, plans, batches, out):
    torch.manual_seed(2)
    dense = torch.randn(rows, cols, device="cuda", dtype=dtype)
    copies = copies_of(dense.numel() * 2)
    weights = [dense.t().contiguous().t() for _ in range(copies)]  # columns contiguous
    for batch in batches:
        x = torch.randn(batch, cols, device="cuda", dtype=dtype)
        base = dense_time(dense, x)
        for sparsity in sparsities:
            threshold = -1.0 if sparsity == 0 else x.float().abs().flatten().quantile(sparsity).item()
            kept = x.float().abs() > threshold
            expected = (dense.double() @ (x * kept).double().t()).t()
            ideal = kept.any(0).sum().item() * rows * 2
            for plan in plans:
                row = {"part": "active", "shape": f"{rows}x{cols}", "dtype": str(dtype)[6:], "sparsity": sparsity,
                       "batch": batch, "dense_us": base, "ideal_bytes": ideal, "plan": "x".join(map(str, plan))}
                for overlap in (False, True):
                    y = torch.full((batch, rows), float("nan"), device="cuda", dtype=dtype)
                    library.sparse(x, weights[:1], [threshold], [y], overlap=overlap, plan=plan)
                    torch.cuda.synchronize()
                    require_close(y, expected, f"active {rows}x{cols} {sparsity} batch {batch}")
                    row["overlap_us" if overlap else "plain_us"] = graph_time(
                        lambda i: library.sparse(x, [weights[i % copies]], [threshold], [y], overlap=overlap,
                                                 plan=plan), calls_of(copies))
                if teal is not None and batch == 1 and dtype == torch.float16:
                    x3 = x.view(1, 1, -1)
                    limit = max(threshold, -1.0)
                    y = teal(x3, weights[0], limit, int(sparsity * 100))
                    require_close(y.view(1, -1), expected, "TEAL", 1e-2)  # it adds partial sums in f16
                    row["teal_us"] = graph_time(lambda i: teal(x3, weights[i % copies], limit, int(sparsity * 100)),
                                                calls_of(copies))
                out(row)


def bench_fused(library, cols, dtype, sparsities, out):
    """q, k, v of a LLaMA-3-8B block and gate·up of a LLaMA-7B block, against cuBLAS on the stacked matrix."""
    torch.manual_seed(3)
    x = torch.randn(1, cols, device="cuda", dtype=dtype)
    for name, rows in (("qkv", [4096, 1024, 1024]), ("gate_up", [11008, 11008])):
        stacked = torch.randn(sum(rows), cols, device="cuda", dtype=dtype)
        copies = copies_of(stacked.numel() * 2)
        sets = [[part.t().contiguous().t() for part in stacked.split(rows)] for _ in range(copies)]
        dense = [stacked.clone() for _ in range(copies)]

        def reference(i):
            y = torch.nn.functional.linear(x, dense[i % copies])
            if name == "gate_up":
                gate, up = y.chunk(2, -1)
                y = torch.nn.functional.silu(gate) * up
            return y

        base = graph_time(reference, calls_of(copies))
        for sparsity in sparsities:
            threshold = -1.0 if sparsity == 0 else x.float().abs().flatten().quantile(sparsity).item()
            masked = (x * (x.float().abs() > threshold)).double()[0]
            parts = [part.double() @ masked for part in stacked.split(rows)]
            expected = torch.cat(parts) if name == "qkv" else torch.nn.functional.silu(parts[0]) * parts[1]
            row = {"part": name, "shape": f"{sum(rows)}x{cols}", "dtype": str(dtype)[6:], "sparsity": sparsity,
                   "dense_us": base, "ideal_bytes": (masked != 0).sum().item() * sum(rows) * 2}
            for overlap in (False, True):
                n = len(rows) if name == "qkv" else 1
                outputs = [torch.full((1, rows[i]), float("nan"), device="cuda", dtype=dtype) for i in range(n)]

                def call(i):
                    library.sparse(x, sets[i % copies], [threshold] * len(rows), outputs, gate_up=name == "gate_up",
                                   overlap=overlap)

                call(0)
                torch.cuda.synchronize()
                require_close(torch.cat(outputs, 1)[0], expected, name, 2e-3)
                row["overlap_us" if overlap else "plain_us"] = graph_time(call, calls_of(copies))
            out(row)


def bench_gemm(library, rows, cols, dtype, out):
    """A prompt's products; buffers are larger than the L2 cache together, but not rotated."""
    torch.manual_seed(4)
    dense = torch.randn(rows, cols, device="cuda", dtype=dtype) / cols**0.5
    by_columns = dense.t().contiguous()
    for tokens in (16, 128, 512):
        x = torch.randn(tokens, cols, device="cuda", dtype=dtype)
        expected = torch.nn.functional.linear(x.double(), dense.double())
        row = {"part": "gemm", "shape": f"{rows}x{cols}", "dtype": str(dtype)[6:], "sparsity": tokens,
               "dense_us": graph_time(lambda _: torch.nn.functional.linear(x, dense), 10)}
        for name, weight, columns in (("plain_us", dense, False), ("overlap_us", by_columns, True)):
            y = torch.full((tokens, rows), float("nan"), device="cuda", dtype=dtype)
            library.gemm(x, weight, y, columns)
            torch.cuda.synchronize()
            require_close(y, expected, f"gemm {rows}x{cols} {tokens} tokens")
            row[name] = graph_time(lambda _: library.gemm(x, weight, y, columns), 10)
        out(row)


def show(row, bandwidth):
    if row["part"] == "gemm":
        rows, cols = map(int, row["shape"].split("x"))
        flops = 2e-6 * row["sparsity"] * rows * cols
        print(f"gemm    {row['dtype']:8} {row['shape']:>11} {row['sparsity']:4} tokens  TFLOP/s: cuBLAS "
              f"{flops / row['dense_us']:4.0f}, ours by rows {flops / row['plain_us']:4.0f}, by columns "
              f"{flops / row['overlap_us']:4.0f}", flush=True)
        return
    fast = row["overlap_us"]
    text = (f"{row['part']:7} {row['dtype']:8} {row['shape']:>11} {str(row['sparsity']):>4}"
            f" b{row.get('batch', 1)} {row.get('plan', ''):8} dense {row['dense_us']:6.1f}"
            f"  plain {row['plain_us']:6.1f} ({row['dense_us'] / row['plain_us']:.2f}x)"
            f"  overlap {fast:6.1f} ({row['dense_us'] / fast:.2f}x)")
    if "teal_us" in row:
        text += f"  TEAL {row['teal_us']:6.1f} (ours {row['teal_us'] / row['plain_us']:.2f}x, {row['teal_us'] / fast:.2f}x)"
    if "ideal_bytes" in row:
        ideal = row["ideal_bytes"] / bandwidth / 1e3
        text += f"  ideal {ideal:5.1f}, share {ideal / row['plain_us']:.2f}, {ideal / fast:.2f}"
    if "bytes_per_position" in row:
        rows, cols = map(int, row["shape"].split("x"))
        text += f"  {row['bytes_per_position']:.3f} B/pos {row['bytes_per_position'] * rows * cols / fast / 1e3:5.0f} GB/s"
    print(text, flush=True)


def copy_bandwidth():
    """GB/s of a device-to-device copy, bytes read and written."""
    a = torch.randn(1 << 28, device="cuda")
    b = torch.empty_like(a)
    return 2 * a.numel() * 4 / graph_time(lambda _: b.copy_(a), 5) / 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--teal")
    parser.add_argument("--part", default="all")
    parser.add_argument("--shapes")
    parser.add_argument("--dtypes", default="float16")
    parser.add_argument("--sparsities", default="0,0.25,0.4,0.5,0.65,0.9")
    parser.add_argument("--packed-sparsities", default="0.5,0.7,0.9,2:4")
    parser.add_argument("--batches", default="1")
    parser.add_argument("--plans", default="0x0x0",
                        help="warps x splits x tile, comma-separated; 0 is the default choice")
    parser.add_argument("--json")
    args = parser.parse_args()
    library = Library(args.library)
    teal = load_teal(args.teal) if args.teal else None
    shapes = [tuple(map(int, s.split("x"))) for s in args.shapes.split(",")] if args.shapes else SHAPES
    properties = torch.cuda.get_device_properties(0)
    bandwidth = copy_bandwidth()
    print(f"{properties.name}, {properties.multi_processor_count} multiprocessors, copy {bandwidth:.0f} GB/s, "
          f"PyTorch {torch.__version__}")
    rows = []

    def out(row):
        rows.append(row)
        show(row, bandwidth)

    number = [float(s) if s != "2:4" else s for s in args.packed_sparsities.split(",")]
    plans = [tuple(map(int, p.split("x"))) for p in args.plans.split(",")]
    for dtype in [getattr(torch, name) for name in args.dtypes.split(",")]:
        for shape in shapes:
            if args.part in ("packed", "all"):
                bench_packed(library, *shape, dtype, number, properties.multi_processor_count, out)
            if args.part in ("active", "all"):
                bench_active(library, teal, *shape, dtype, [float(s) for s in args.sparsities.split(",")], plans,
                             [int(b) for b in args.batches.split(",")], out)
        if args.part in ("gemm", "all"):
            for shape in shapes[:3]:
                bench_gemm(library, *shape, dtype, out)
        if args.part in ("fused", "all"):
            bench_fused(library, 4096, dtype, [float(s) for s in args.sparsities.split(",")], out)
    if args.json:
        with open(args.json, "w") as file:
            json.dump({"device": properties.name, "copy_gb_s": bandwidth, "torch": torch.__version__, "rows": rows},
                      file, indent=1)


if __name__ == "__main__":
    main()
