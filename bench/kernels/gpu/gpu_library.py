"""The CUDA kernels of liblacuna_gpu_bench.so (entry_points.cpp) over PyTorch's tensors, and times of calls in CUDA graphs."""
import ctypes
import sys

import torch

ROTATED_BYTES = 400e6  # several times the L2 cache


def graph_time(call, calls, replays=9):
    """Microseconds per call; call(i) launches the i-th on the current stream."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for i in range(3):
            call(i)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for i in range(calls):
                call(i)
    torch.cuda.synchronize()
    times = []
    for _ in range(replays):
        start, end = torch.cuda.Event(True), torch.cuda.Event(True)
        start.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / calls * 1e3)
    return sorted(times)[replays // 2]


class Library:
    def __init__(self, path):
        self.c = ctypes.CDLL(path)
        self.c.bench_error.restype = ctypes.c_char_p
        for name in ("bundles_make", "bundles_upload", "two_four_make", "two_four_upload"):
            getattr(self.c, f"bench_{name}").restype = ctypes.c_void_p
        for name in ("bundles_bytes", "two_four_bytes"):
            getattr(self.c, f"bench_{name}").restype = ctypes.c_int64

    def check(self, status):
        if status != 0:
            sys.exit(self.c.bench_error().decode())

    @staticmethod
    def stream():
        return ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)

    def sparse(self, x, weights, thresholds, outputs, gate_up=False, overlap=False, plan=(0, 0, 0)):
        """weights: transposed views, columns contiguous."""
        n = len(weights)
        pointers = (ctypes.c_void_p * n)(*[w.data_ptr() for w in weights])
        rows = (ctypes.c_int64 * n)(*[w.shape[0] for w in weights])
        limits = (ctypes.c_float * n)(*thresholds)
        results = (ctypes.c_void_p * len(outputs))(*[y.data_ptr() for y in outputs])
        self.check(self.c.bench_sparse(
            int(x.dtype == torch.bfloat16), x.shape[0], ctypes.c_int64(x.shape[1]), ctypes.c_void_p(x.data_ptr()), n,
            pointers, rows, limits, results, int(gate_up), self.stream(), *plan, int(overlap)))

    def gemm(self, x, weight, y, columns):
        """weight: rows×cols, or its transpose where columns is true."""
        rows, cols = y.shape[1], x.shape[1]
        self.check(self.c.bench_gemm(
            int(x.dtype == torch.bfloat16), int(columns), ctypes.c_int64(x.shape[0]), ctypes.c_int64(rows),
            ctypes.c_int64(cols), ctypes.c_void_p(weight.data_ptr()), ctypes.c_void_p(x.data_ptr()),
            ctypes.c_void_p(y.data_ptr()), self.stream()))

    def packed(self, kind, weight, multiprocessors, copies):
        host = weight.cpu()
        rows, cols = weight.shape
        args = [ctypes.c_void_p(host.data_ptr()), ctypes.c_int64(rows), ctypes.c_int64(cols),
                int(weight.dtype == torch.bfloat16)]
        if kind == "bundles":
            args.append(multiprocessors)
        made = getattr(self.c, f"bench_{kind}_make")(*args)
        if not made:
            sys.exit(self.c.bench_error().decode())
        devices = [getattr(self.c, f"bench_{kind}_upload")(ctypes.c_void_p(made)) for _ in range(copies)]
        if kind == "bundles":
            size = self.c.bench_bundles_bytes(ctypes.c_void_p(made))
        else:
            size = self.c.bench_two_four_bytes(ctypes.c_void_p(devices[0]))
        getattr(self.c, f"bench_{kind}_free")(ctypes.c_void_p(made))
        return devices, size

    def multiply(self, kind, device, x, y, overlap):
        self.check(getattr(self.c, f"bench_{kind}")(ctypes.c_void_p(device), ctypes.c_void_p(x.data_ptr()),
                                                    ctypes.c_void_p(y.data_ptr()), self.stream(), int(overlap)))

    def release(self, kind, devices):
        for device in devices:
            getattr(self.c, f"bench_{kind}_release")(ctypes.c_void_p(device))


def copies_of(n_bytes):
    return max(2, int(ROTATED_BYTES // n_bytes) + 1)


def calls_of(copies):
    return copies * max(1, round(30 / copies))


def require_close(y, expected, what, limit=None):
    error = ((y.double() - expected).norm() / expected.norm()).item()
    limit = limit or (4e-3 if y.dtype == torch.bfloat16 else 6e-4)  # one rounding to the type, as a share of the norm
    if not error < limit:
        sys.exit(f"{what}: relative error {error:.2e}")
