"""One training step's forward and backward of `minilm-en`, beside the network of Transformers and PyTorch's attention.

No optimiser, no reading of rows: what the network itself costs. Times are the processor's, the smallest of several
repetitions, so that other programs disturb them little; still, nothing else should run. Samples per second are texts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from homefield.backbones.attention import attend, attention_bias
from homefield.backbones.catalogue import resolve
from homefield.backbones.load import load
from homefield.workspace import find_workspace

HEADS, WIDTH, TEXTS = 12, 384, 64
ARITHMETIC = ("fp32", "bf16 autocast", "bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lengths", type=int, nargs="+", default=[16, 64], help="tokens of a text")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here too")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    found: dict[str, dict[str, float]] = {}
    for length in args.lengths:
        for arithmetic in ARITHMETIC:
            found[f"step {length} {arithmetic}"] = steps(length, arithmetic, args.repeats)
        for dtype in (torch.float32, torch.bfloat16):
            found[f"attention {length} {str(dtype)[6:]}"] = attentions(length, dtype, args.repeats)
    print(f"{TEXTS} texts, {args.threads} threads; milliseconds of processor time, forward and backward\n")
    for name, times in found.items():
        print(f"{name:28}" + "".join(f"  {way} {1000 * seconds:8.1f}" for way, seconds in times.items()))
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")


def steps(length: int, arithmetic: str, repeats: int) -> dict[str, float]:
    """Seconds by network: the own encoder whole, with a limited vocabulary, and Transformers' without dropout."""
    from transformers import AutoModel

    source = resolve("minilm-en", workspace=find_workspace())
    own, limited = load(source), load(source)
    limited.limit_vocabulary(range(1_000, 4_000))
    other = AutoModel.from_pretrained(
        source.path, local_files_only=True, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    ids = torch.randint(1_000, 4_000, (TEXTS, length))
    mask = torch.ones(TEXTS, length, dtype=torch.bool)
    mask[::2, -2:] = False
    ways: dict[str, tuple[torch.nn.Module, Callable[[], Tensor]]] = {
        "own": (own, lambda: own.pool(own(ids, mask), mask)),
        "own, limited vocabulary": (limited, lambda: limited.pool(limited(ids, mask), mask)),
        "transformers": (other, lambda: other(input_ids=ids, attention_mask=mask.long()).last_hidden_state.mean(1)),
    }
    found = {}
    for name, (network, pooled) in ways.items():
        network.train()
        if arithmetic == "bf16":
            network.to(torch.bfloat16)

        def step(network: torch.nn.Module = network, pooled: Callable[[], Tensor] = pooled) -> None:
            autocast = torch.autocast("cpu", dtype=torch.bfloat16) if arithmetic == "bf16 autocast" else nullcontext()
            with autocast:
                vectors = pooled()
            vectors.float().square().mean().backward()
            for parameter in network.parameters():
                parameter.grad = None

        found[name] = fastest(step, repeats)
    return found


def attentions(length: int, dtype: torch.dtype, repeats: int) -> dict[str, float]:
    """Seconds of one layer's attention by way."""
    qkv = torch.randn(TEXTS, length, 3 * WIDTH, dtype=dtype, requires_grad=True)
    bias = attention_bias(torch.ones(TEXTS, length, dtype=torch.bool), dtype)
    gradient = torch.randn(TEXTS, length, WIDTH, dtype=dtype)

    def fused(qkv: Tensor) -> Tensor:
        query, key, value = qkv.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        return F.scaled_dot_product_attention(query, key, value, attn_mask=bias).transpose(1, 2).flatten(2)

    def formula(qkv: Tensor) -> Tensor:
        query, key, value = qkv.unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4).unbind(0)
        shares = torch.softmax(torch.matmul(query * 32**-0.5, key.transpose(-1, -2)) + bias, dim=-1)
        return torch.matmul(shares, value).transpose(1, 2).flatten(2)

    def own(qkv: Tensor) -> Tensor:
        return attend(qkv, bias, HEADS)

    found = {}
    for name, way in (("own", own), ("formula", formula), ("scaled_dot_product_attention", fused)):

        def step(way: Callable[[Tensor], Tensor] = way) -> None:
            qkv.grad = None
            way(qkv).backward(gradient)

        found[name] = fastest(step, repeats)
    return found


def fastest(step: Callable[[], None], repeats: int) -> float:
    """Processor seconds of the quickest of `repeats` calls, after two to warm up."""
    step()
    step()
    times = []
    for _ in range(repeats):
        begun = time.process_time()
        step()
        times.append(time.process_time() - begun)
    return min(times)


if __name__ == "__main__":
    main()
