"""What numpy says, as the earlier scripts compute it, for tests/bits.

usage: oracle.py similarity A B ROWS COLS AXIS    per-feature jaccard, cosine, hamming; then mean and std of each
       oracle.py packbits A ROWS COLS             numpy.packbits(W != 0, axis=1), one byte a line
A, B: raw little-endian f32 files.
"""
import sys

import numpy as np


def read(path, rows, cols):
    return np.fromfile(path, dtype="<f4").reshape(rows, cols)


def metrics(a, b):
    x, y = a != 0, b != 0
    union = np.sum(x | y)
    norm = np.linalg.norm(a.astype(np.float64)) * np.linalg.norm(b.astype(np.float64))
    return (np.sum(x & y) / union if union else 0.0,
            np.dot(a.astype(np.float64), b.astype(np.float64)) / norm if norm > 0 else 0.0,
            np.sum(x != y) / len(x))


def similarity(path_a, path_b, rows, cols, axis):
    a, b = read(path_a, int(rows), int(cols)), read(path_b, int(rows), int(cols))
    features = [metrics(a[i], b[i]) if axis == "rows" else metrics(a[:, i], b[:, i])
                for i in range(a.shape[0 if axis == "rows" else 1])]
    columns = [np.array(column, dtype=np.float64) for column in zip(*features)]
    for values in columns:
        for value in values:
            print(repr(float(value)))
    for values in columns:
        print(repr(float(np.mean(values))))
        print(repr(float(np.std(values))))


def packbits(path, rows, cols):
    for byte in np.packbits(read(path, int(rows), int(cols)) != 0, axis=1).ravel():
        print(int(byte))


if __name__ == "__main__":
    {"similarity": similarity, "packbits": packbits}[sys.argv[1]](*sys.argv[2:])
