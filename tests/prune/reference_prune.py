"""The reference pruning methods in plain PyTorch float32, as an oracle for Lacuna's.

usage: reference_prune.py JOBS, a file of lines METHOD TARGET ROWS COLUMNS SEQUENCES WEIGHTS INPUTS OUT
METHOD: magnitude, wanda, wanda-variant, sparsegpt, sparsegpt-f64 (the same in float64); TARGET: 0.5 or 2:4.
WEIGHTS (ROWS×COLUMNS), INPUTS (tokens×COLUMNS, SEQUENCES equal parts) and OUT are raw little-endian float32.
"""
import sys

import numpy as np
import torch


def parse_target(text):
    if ":" in text:
        n, m = map(int, text.split(":"))
        return n / m, n, m
    return float(text), 0, 0


def running_mean(parts, term):
    mean, seen = 0, 0
    for part in parts:
        mean = mean * (seen / (seen + 1)) + term(part) / (seen + 1)
        seen += 1
    return mean


def drop_lowest_of_groups(w, score, n, m):
    for c in range(0, w.shape[1], m):
        lowest = score[:, c:c + m].sort(dim=1, stable=True)[1][:, :n]
        w.scatter_(1, c + lowest, 0)
    return w


def magnitude(w, _, sparsity, n, m):
    if n:
        return drop_lowest_of_groups(w, w.abs(), n, m)
    cut = w.abs().flatten().sort()[0][int(w.numel() * sparsity)]
    w[w.abs() <= cut] = 0
    return w


def wanda_scores(w, parts):
    return w.abs() * running_mean(parts, lambda x: x.norm(p=2, dim=0) ** 2).sqrt()


def wanda(w, parts, sparsity, n, m):
    score = wanda_scores(w, parts)
    if n:
        return drop_lowest_of_groups(w, score, n, m)
    lowest = score.sort(dim=1, stable=True)[1][:, :int(w.shape[1] * sparsity)]
    return w.scatter_(1, lowest, 0)


def wanda_variant(w, parts, sparsity, n, m):
    score = wanda_scores(w, parts)
    ordered = score.sort(dim=1, stable=True)[0]
    running, total = ordered.cumsum(dim=1), score.sum(dim=1, keepdim=True)

    def mask(alpha):
        last = (running <= total * alpha).sum(dim=1, keepdim=True) - 1
        return score <= ordered.gather(1, last)

    alpha, low, high = 0.4, 0.0, 0.8
    drop = mask(alpha)
    while abs(drop.float().mean().item() - sparsity) > 0.001 and high - low >= 0.001:
        if drop.float().mean().item() > sparsity:
            high = alpha
        else:
            low = alpha
        alpha = (low + high) / 2
        drop = mask(alpha)
    w[drop] = 0
    return w


def sparsegpt(w, parts, sparsity, n, m, block=128, damping=0.01):
    h = running_mean(parts, lambda x: 2 * x.t() @ x)
    dead = h.diagonal() == 0
    h[dead, dead] = 1
    w[:, dead] = 0
    h.diagonal().add_(damping * h.diagonal().mean())
    u = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(h)), upper=True)
    for first in range(0, w.shape[1], block):
        last = min(first + block, w.shape[1])
        now, factor = w[:, first:last].clone(), u[first:last, first:last]
        errors = torch.zeros_like(now)
        if n:
            drop = torch.zeros_like(now, dtype=torch.bool)
        else:
            score = now ** 2 / factor.diagonal() ** 2
            drop = score <= score.flatten().sort()[0][int(score.numel() * sparsity)]
        for i in range(last - first):
            if n and i % m == 0:
                group = now[:, i:i + m] ** 2 / factor.diagonal()[i:i + m] ** 2
                drop.scatter_(1, i + group.sort(dim=1, stable=True)[1][:, :n], True)
            kept = now[:, i].masked_fill(drop[:, i], 0)
            errors[:, i] = (now[:, i] - kept) / factor[i, i]
            now[:, i:] -= errors[:, i:i + 1] @ factor[i:i + 1, i:]
            now[:, i] = kept
        w[:, first:last] = now
        w[:, last:] -= errors @ u[first:last, last:]
    return w


def run(method, target, rows, columns, sequences, weights, inputs, out):
    dtype = torch.float64 if method.endswith("-f64") else torch.float32
    w = torch.from_numpy(np.fromfile(weights, "<f4").reshape(int(rows), int(columns))).to(dtype)
    x = torch.from_numpy(np.fromfile(inputs, "<f4").reshape(-1, int(columns))).to(dtype)
    methods = {"magnitude": magnitude, "wanda": wanda, "wanda-variant": wanda_variant, "sparsegpt": sparsegpt}
    result = methods[method.removesuffix("-f64")](w, x.chunk(int(sequences)), *parse_target(target))
    result.float().numpy().tofile(out)


if __name__ == "__main__":
    for job in open(sys.argv[1]):
        run(*job.split())
