"""The card of a pretrained backbone: what it learned from, how long, how well, and what it is not for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homefield.train.pretrain.bench import PretrainBench

__all__ = ["card_of"]


def card_of(bench: PretrainBench, record: Mapping[str, Any]) -> str:
    """README.md of the backbone's folder; `record` is run.json."""
    recipe, corpus = bench.recipe, record["corpus"]
    lines = ["---", "language:", *(f"- {each}" for each in recipe.languages), f"license: {recipe.licence}", "---"]
    reached = ", ".join(f"{name} {value:.4g}" for name, value in record["reached"].items())
    lines += [
        f"# {recipe.name}",
        "",
        f"- {record['parameters'] / 1e6:.1f} M parameters, {recipe.layers} x {recipe.width}",
        f"- {corpus['characters']:,} characters, {corpus['tokens']:,} tokens",
        f"- {record['tokens']:,} tokens seen in {record['steps']:,} steps, {record.get('seconds', {})}",
        f"- {reached}",
        "",
        recipe.credits,
    ]
    return "\n".join(lines) + "\n"
