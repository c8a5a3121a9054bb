"""Tiny random models of every family, with reference logits, for tests/model/families_test.cpp.

usage: families_oracle.py OUT_DIR
Writes OUT_DIR/CASE/{config.json, weights, tokens.npy (int32), logits.npy (float32)}: two sequences of 40 tokens. The
reference is transformers in float32, and for qwen3, which transformers 4.46 lacks, the plain PyTorch code below.
"""
import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import (LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, OPTConfig, OPTForCausalLM,
                          Qwen2Config, Qwen2ForCausalLM)
from transformers.utils import logging

VOCABULARY, LENGTH, SEQUENCES = 97, 40, 2
SMALL = dict(vocab_size=VOCABULARY, hidden_size=48, intermediate_size=80, num_hidden_layers=3, num_attention_heads=6,
             num_key_value_heads=2, max_position_embeddings=64)


def randomise(model):
    """Every parameter away from its start value, so that a forgotten bias or norm weight shows."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            centre = 1.0 if "norm" in name and name.endswith("weight") else 0.0
            p.copy_(centre + torch.randn_like(p) * (0.2 if p.dim() == 1 else 0.15))


def write(folder, tokens, logits):
    np.save(folder / "tokens.npy", tokens.numpy().astype(np.int32))
    np.save(folder / "logits.npy", logits.float().numpy())


def reference_case(out, name, model_class, config, dtype=torch.float32, edit=None, base_only=False, pickle=False):
    torch.manual_seed(len(name))
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    randomise(model)
    model = model.to(dtype)
    folder = out / name
    (model.base_model if base_only else model).save_pretrained(folder, safe_serialization=not pickle)
    if edit:
        path = folder / "config.json"
        path.write_text(json.dumps(edit(json.loads(path.read_text()))))
    if dtype != torch.float32:  # read back: .to(dtype) also rounded the RoPE frequencies, which no file holds
        model = model_class.from_pretrained(folder, torch_dtype=torch.float32, attn_implementation="eager").eval()
    tokens = torch.randint(0, VOCABULARY, (SEQUENCES, LENGTH))
    with torch.no_grad():
        write(folder, tokens, model(tokens).logits)


def llama(**changes):
    return LlamaConfig(**{**SMALL, **changes})


def new_spelling(config):
    """rope_parameters as transformers 5 writes them."""
    config["rope_parameters"] = {"rope_theta": config.pop("rope_theta"), **config.pop("rope_scaling")}
    return config


def old_spelling(config):
    config["rope_scaling"]["type"] = config["rope_scaling"].pop("rope_type")
    return config


def llama_cases(out):
    case = lambda name, config, **options: reference_case(out, name, LlamaForCausalLM, config, **options)
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                  original_max_position_embeddings=16)
    case("llama", llama())
    case("llama-tied-bf16", llama(tie_word_embeddings=True), dtype=torch.bfloat16)
    case("llama-f16", llama(), dtype=torch.float16)
    case("llama-pickle", llama(), pickle=True)
    case("llama-base-names", llama(tie_word_embeddings=True), base_only=True)
    case("llama-biases-wide-heads", llama(attention_bias=True, mlp_bias=True, head_dim=20, num_key_value_heads=6))
    case("llama-gelu", llama(hidden_act="gelu"))
    case("llama-gelu-tanh", llama(hidden_act="gelu_pytorch_tanh"))
    case("llama-linear", llama(rope_scaling=dict(rope_type="linear", factor=4.0)), edit=old_spelling)
    case("llama-dynamic-short", llama(rope_scaling=dict(rope_type="dynamic", factor=2.0)))
    case("llama-dynamic-long", llama(rope_scaling=dict(rope_type="dynamic", factor=2.0), max_position_embeddings=24))
    case("llama-llama3", llama(rope_scaling=llama3, rope_theta=500.0))
    case("llama-llama3-new-spelling", llama(rope_scaling=llama3, rope_theta=500.0), edit=new_spelling)
    case("llama-yarn", llama(rope_scaling=dict(rope_type="yarn", factor=4.0, beta_fast=4.0, beta_slow=0.5)))
    # 4.46 takes the long factors whatever the length, so the length must be beyond the trained one.
    case("llama-longrope", llama(max_position_embeddings=32, rope_scaling=dict(
        rope_type="longrope", factor=2.0, short_factor=[1.0] * 4, long_factor=[1.0, 1.5, 3.0, 6.0])))


def opt(**changes):
    return OPTConfig(**{**dict(vocab_size=VOCABULARY, hidden_size=48, ffn_dim=80, num_hidden_layers=3,
                               num_attention_heads=6, max_position_embeddings=64, dropout=0.0), **changes})


def opt_cases(out):
    case = lambda name, config: reference_case(out, name, OPTForCausalLM, config)
    case("opt", opt())
    case("opt-post-norm-projected", opt(do_layer_norm_before=False, word_embed_proj_dim=32))
    case("opt-bare", opt(enable_bias=False, layer_norm_elementwise_affine=False, activation_function="gelu"))
    case("opt-no-final-norm", opt(_remove_final_layer_norm=True, activation_function="gelu_new"))


def rms(x, weight):
    return weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


def qwen3_layer(x, w, prefix, window, heads, kv, d):
    t = x.shape[0]
    angles = torch.outer(torch.arange(t).float(), 1.0 / 10000.0 ** (torch.arange(0, d, 2).float() / d))
    cos, sin = (torch.cat((f, f), -1) for f in (angles.cos(), angles.sin()))
    turn = lambda z: torch.cat((-z[..., d // 2:], z[..., :d // 2]), -1)
    y = rms(x, w[prefix + "input_layernorm.weight"])
    q, k, v = (F.linear(y, w[prefix + f"self_attn.{n}_proj.weight"]).view(t, -1, d).transpose(0, 1) for n in "qkv")
    q, k = rms(q, w[prefix + "self_attn.q_norm.weight"]), rms(k, w[prefix + "self_attn.k_norm.weight"])
    q, k = (z * cos + turn(z) * sin for z in (q, k))
    k, v = (z.repeat_interleave(heads // kv, 0) for z in (k, v))
    distance = torch.arange(t)[:, None] - torch.arange(t)[None, :]
    hidden_keys = (distance < 0) | (distance >= window)
    s = (q @ k.transpose(1, 2) / math.sqrt(d)).masked_fill(hidden_keys, float("-inf")).softmax(-1)
    x = x + F.linear((s @ v).transpose(0, 1).reshape(t, -1), w[prefix + "self_attn.o_proj.weight"])
    y = rms(x, w[prefix + "post_attention_layernorm.weight"])
    gate, up = (F.linear(y, w[prefix + f"mlp.{n}_proj.weight"]) for n in ("gate", "up"))
    return x + F.linear(F.silu(gate) * up, w[prefix + "mlp.down_proj.weight"])


def qwen3_case(out):
    torch.manual_seed(3)
    hidden, inner, layers, heads, kv, d = 48, 80, 3, 6, 2, 16  # heads × d is not the hidden size
    w = {"model.embed_tokens.weight": torch.randn(VOCABULARY, hidden) * 0.3,
         "lm_head.weight": torch.randn(VOCABULARY, hidden) * 0.3, "model.norm.weight": 1 + torch.randn(hidden) * 0.2}
    for i in range(layers):
        p = f"model.layers.{i}."
        for name, shape in {"self_attn.q_proj": (heads * d, hidden), "self_attn.k_proj": (kv * d, hidden),
                            "self_attn.v_proj": (kv * d, hidden), "self_attn.o_proj": (hidden, heads * d),
                            "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
                            "mlp.down_proj": (hidden, inner)}.items():
            w[p + name + ".weight"] = torch.randn(shape) * 0.15
        for name, size in {"input_layernorm": hidden, "post_attention_layernorm": hidden, "self_attn.q_norm": d,
                           "self_attn.k_norm": d}.items():
            w[p + name + ".weight"] = 1 + torch.randn(size) * 0.2
    folder = out / "qwen3"
    folder.mkdir()
    save_file(w, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "model_type": "qwen3", **SMALL, "head_dim": d, "rms_norm_eps": 1e-6, "rope_theta": 10000.0,
        "tie_word_embeddings": False, "use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1}))
    tokens = torch.randint(0, VOCABULARY, (SEQUENCES, LENGTH))
    logits = []
    for sequence in tokens:
        x = w["model.embed_tokens.weight"][sequence]
        for i in range(layers):
            x = qwen3_layer(x, w, f"model.layers.{i}.", 9 if i >= 1 else LENGTH, heads, kv, d)
        logits.append(F.linear(rms(x, w["model.norm.weight"]), w["lm_head.weight"]))
    write(folder, tokens, torch.stack(logits))


def main():
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    out = Path(sys.argv[1])
    llama_cases(out)
    reference_case(out, "mistral-window", MistralForCausalLM, MistralConfig(**SMALL, sliding_window=7))
    reference_case(out, "mistral", MistralForCausalLM, MistralConfig(**SMALL, sliding_window=None, head_dim=12))
    reference_case(out, "qwen2", Qwen2ForCausalLM, Qwen2Config(**SMALL))
    # 4.46 masks all layers alike, so all must be windowed.
    reference_case(out, "qwen2-window", Qwen2ForCausalLM,
                   Qwen2Config(**SMALL, use_sliding_window=True, sliding_window=5, max_window_layers=0))
    opt_cases(out)
    qwen3_case(out)


if __name__ == "__main__":
    main()
