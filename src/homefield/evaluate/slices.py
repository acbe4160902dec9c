"""The headline metric on parts of the rows, so that a good average does not hide a bad part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.calibration import Output
from homefield.evaluate.headline import headline_interval, statistic
from homefield.evaluate.intervals import bootstrap

__all__ = ["Slice", "slices"]

FEWEST = 20  # rows below which a part says nothing


@dataclass(frozen=True)
class Slice:
    """A part of the rows, by `language` or by `length` (`low–high` characters), and the metric on it.

    The metric is the headline's; for numbers the root mean square error, since R² in a part depends on its spread.
    """

    kind: str
    name: str
    rows: int
    value: float
    low: float
    high: float


def slices(
    rows: NDArray[np.float64], output: Output, texts: Sequence[str], languages: Sequence[str] | None, seed: int = 0
) -> list[Slice]:
    """The metric by language (where there are several) and by quarter of text length.

    Args:
        rows: `[N, K]`, of `headline.contributions`.
        output: the kind of output.
        texts: N texts.
        languages: N names, or None.
        seed: of the intervals.
    """
    found = []
    if languages is not None:
        names = np.asarray(languages)
        several = sorted(set(languages))
        if len(several) > 1:
            found += [_slice("language", name, rows[names == name], output, seed) for name in several]
    lengths = np.array([len(text) for text in texts])
    if len(lengths):
        edges = np.unique(np.quantile(lengths, [0, 0.25, 0.5, 0.75, 1]).astype(np.int64))
        for index, (low, high) in enumerate(pairwise(edges)):
            inside = (lengths >= low + (index > 0)) & (lengths <= high)
            found.append(_slice("length", f"{low + (index > 0)}–{high}", rows[inside], output, seed))
    return [one for one in found if one is not None]


def _slice(kind: str, name: str, rows: NDArray[np.float64], output: Output, seed: int) -> Slice | None:
    if len(rows) < FEWEST:
        return None
    if output == "number":
        low, high = bootstrap(rows[:, 0], _root, seed=seed)
        return Slice(kind, name, len(rows), float(np.sqrt(rows[:, 0].mean())), low, high)
    low, high = headline_interval(rows, output, seed)
    return Slice(kind, name, len(rows), float(statistic(output)(rows.mean(axis=0, keepdims=True))[0]), low, high)


def _root(means: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.sqrt(means[:, 0]))
