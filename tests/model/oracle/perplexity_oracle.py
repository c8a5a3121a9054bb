"""Perplexity and divergence of the shared models on their first windows, by transformers in float32.

usage: perplexity_oracle.py SHARED_DIR
The numbers in tests/model/perplexity_test.cpp were printed by this script (transformers 4.46.3, torch 1.13).
"""
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM

WINDOWS, SEQLEN = 4, 512


def log_probabilities(model, tokens):
    with torch.no_grad():
        return model(tokens).logits.double().log_softmax(-1)


def main():
    shared = sys.argv[1]
    models = {name: AutoModelForCausalLM.from_pretrained(f"{shared}/models/{name}", torch_dtype=torch.float32).eval()
              for name in ("tiny-llama", "books-llama-32m", "books-opt-14m")}
    for stream in ("wikitext2_test_tokens", "books_eval_tokens"):
        tokens = torch.from_numpy(np.load(f"{shared}/golden/{stream}.npy").astype(np.int64))
        windows = tokens[:WINDOWS * SEQLEN].view(WINDOWS, 1, SEQLEN)
        for name, model in models.items():
            losses = []
            for window in windows:
                logp = log_probabilities(model, window)[0, :-1]
                losses.append(-logp.gather(1, window[0, 1:, None]).mean().item())
            error = np.std(losses, ddof=1) / np.sqrt(WINDOWS)
            print(f"{stream} {name} nll {np.mean(losses):.9f} stderr {error:.9f}")
        divergences, agreements = [], []
        for window in windows:
            dense = log_probabilities(models["books-llama-32m"], window)[0, :-1]
            other = log_probabilities(models["tiny-llama"], window)[0, :-1]
            divergences.append((dense.exp() * (dense - other)).sum(-1).mean().item())
            agreements.append((dense.argmax(-1) == other.argmax(-1)).double().mean().item())
        print(f"{stream} KL(books-llama-32m || tiny-llama) {np.mean(divergences):.9f} "
              f"stderr {np.std(divergences, ddof=1) / np.sqrt(WINDOWS):.9f} top1 {np.mean(agreements):.9f}")


if __name__ == "__main__":
    main()
