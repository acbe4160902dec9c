"""Which rows make up each step: exactly `batch` of them, alike in length, in an order that follows from seed and epoch.

Rows are shuffled, sorted by length within windows of some dozens of steps, cut into steps, and the steps shuffled
again. So padding is little, every step weighs the same, and the place in an epoch is one number to resume from.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "cut_by_tokens", "padded_tokens", "plan_epoch", "steps_per_epoch"]

Rows = NDArray[np.int64]


def steps_per_epoch(rows: int, batch: int) -> int:
    """How many steps `rows` rows make; the last one may be smaller."""
    return -(-rows // batch)


def plan_epoch(lengths: NDArray[np.int32], *, batch: int, window: int, seed: int, epoch: int) -> list[Rows]:
    """The rows of every step of one epoch; each row once, every step but one of `batch` rows.

    lengths: tokens per row `[N]`. Within a step rows stand by length.
    """
    order = np.random.default_rng([seed, epoch, 1]).permutation(len(lengths))
    span = batch * window
    steps: list[Rows] = []
    for start in range(0, len(order), span):
        rows = order[start : start + span]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        steps.extend(rows[place : place + batch] for place in range(0, len(rows), batch))
    places = np.random.default_rng([seed, epoch, 2]).permutation(len(steps))
    return [steps[place] for place in places]


def cut_by_tokens(rows: Rows, lengths: NDArray[np.int32], tokens: int) -> list[Rows]:
    """Parts of `rows`, longest texts first, each of at most `tokens` tokens with padding (one row at least)."""
    order = rows[np.argsort(-lengths[rows], kind="stable")]
    parts: list[Rows] = []
    place = 0
    while place < len(order):
        take = max(1, tokens // max(1, int(lengths[order[place]])))
        parts.append(order[place : place + take])
        place += take
    return parts


def padded_tokens(parts: Sequence[Rows], lengths: NDArray[np.int32]) -> int:
    """Tokens that `parts` occupy, padding included."""
    return sum(len(part) * int(lengths[part].max()) for part in parts if len(part))
