"""How good a backbone is while it learns: perplexity on text it never saw, and a linear head on small labelled sets."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from homefield.train.precision import Precision
from homefield.train.pretrain.masking import Masking
from homefield.train.pretrain.network import MaskedModel
from homefield.train.pretrain.pack import Cut, Stream
from homefield.train.pretrain.probes import LinearProbe
from homefield.train.pretrain.replaced import ReplacedModel

__all__ = ["judge_of", "measure_stream"]

Model = MaskedModel | ReplacedModel
_MEASURED_TOKENS = 65_536
_SHORTEST = 3  # tokens: the one that opens a sequence, and two of text
_SEED = 20_240_229


def measure_stream(
    model: Model,
    stream: Stream,
    masking: Masking,
    *,
    length: int,
    first: int,
    part: int,
    precision: Precision,
) -> dict[str, float]:
    """Loss and perplexity of hidden tokens in `stream`, at most 65,536 of its tokens, always the same ones hidden.

    A stream shorter than `length` is one sequence; of an empty one there is nothing to tell.
    """
    length = min(length, len(stream) + 1)
    if length < _SHORTEST:
        return {}
    cut = Cut(length)
    rows = np.arange(min(cut.rows(len(stream)), _MEASURED_TOKENS // length))
    total = count = 0.0
    with torch.inference_mode(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        for start in range(0, len(rows), max(1, part // length)):
            chosen = rows[start : start + max(1, part // length)]
            ids, begins = stream.batch(chosen, cut, first=first)
            seen, told = masking.hide(ids, begins)
            with precision.running():
                loss, weight = model.surprise(*(each.to(precision.device) for each in (ids, seen, told)))
            total, count = total + float(loss), count + float(weight)
    if not count:
        return {}
    return {"loss": total / count, "perplexity": math.exp(min(50.0, total / count))}


def judge_of(
    measure: Callable[[], dict[str, float]],
    probes: Sequence[LinearProbe],
    model: Model,
    precision: Precision,
) -> Callable[[], dict[str, Any]]:
    """What the loop asks at intervals: perplexity, and the accuracy of each probe."""

    def judge() -> dict[str, Any]:
        model.eval()
        found: dict[str, Any] = measure()
        for probe in probes:
            found[f"probe_{probe.name}"] = probe.accuracy(model.backbone, precision)
        model.train()
        return found

    return judge
