"""Is one model better than another on the same rows, or is it chance?

Two models are compared row by row: rows that both get right, or both wrong, say nothing about the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

__all__ = ["Difference", "paired_auc", "paired_bootstrap", "paired_difference"]


@dataclass(frozen=True)
class Difference:
    """First model minus second: the difference, its 95 % interval, and the chance of one so large if they were equal.

    only_first, only_second: rows that only the one gets right, where rows can be counted so.
    """

    mean: float
    low: float
    high: float
    p: float
    test: str
    only_first: int | None = None
    only_second: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The numbers as one JSON object."""
        return asdict(self)


def paired_difference(first: NDArray[np.bool_], second: NDArray[np.bool_], *, level: float = 0.95) -> Difference:
    """The difference in accuracy between two models on the same rows.

    p is McNemar's exact two-sided test (McNemar 1947; binomial with 1/2 over the rows on which they differ). The
    interval is the adjusted Wald interval for paired shares: one row is added to each kind of disagreement (Bonett &
    Price 2012), which keeps its level also with few disagreements.

    Args:
        first: `[N]`, which rows the first model gets right.
        second: `[N]`, the second.
        level: of the interval.

    Raises:
        ValueError: the two are not of the same rows.
    """
    if first.shape != second.shape:
        raise ValueError(f"paired rows expected, got {first.shape} and {second.shape}")
    rows = len(first)
    if rows == 0:
        return Difference(0.0, -1.0, 1.0, 1.0, "mcnemar", 0, 0)
    gained, lost = int((first & ~second).sum()), int((~first & second).sum())
    p = min(1.0, 2 * float(binom.cdf(min(gained, lost), gained + lost, 0.5))) if gained + lost else 1.0
    plus, minus = (gained + 1) / (rows + 2), (lost + 1) / (rows + 2)
    half = float(norm.ppf((1 + level) / 2)) * float(np.sqrt((plus + minus - (plus - minus) ** 2) / (rows + 2)))
    centre = plus - minus
    return Difference(
        mean=(gained - lost) / rows,
        low=max(-1.0, centre - half),
        high=min(1.0, centre + half),
        p=p,
        test="mcnemar",
        only_first=gained,
        only_second=lost,
    )


def paired_bootstrap(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    statistic: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """The difference in any function of row means (F1, R², ...) between two models on the same rows.

    Both models are resampled with the same draws. The interval is the percentile interval; p is twice the smaller share
    of resamples on either side of zero, at least 1 / resamples (Efron & Tibshirani 1993, chapters 13 and 16).

    Args:
        first: what each row contributes for the first model, `[N, K]`.
        second: for the second, `[N, K]`.
        statistic: turns means `[R, K]` into R numbers.
        seed: of the resampling.
        resamples: how many.
        level: of the interval.
    """
    if first.shape != second.shape:
        raise ValueError(f"paired rows expected, got {first.shape} and {second.shape}")
    rows, width = first.shape
    if rows == 0:
        return Difference(0.0, -1.0, 1.0, 1.0, "bootstrap")
    both = np.concatenate([first, second], axis=1)
    random = np.random.default_rng(seed)
    means = np.empty((resamples, 2 * width))
    for index in range(resamples):
        drawn = np.bincount(random.integers(0, rows, size=rows), minlength=rows)
        means[index] = drawn @ both / rows
    gaps = statistic(means[:, :width]) - statistic(means[:, width:])
    whole = both.mean(axis=0, keepdims=True)
    return _spread(float(statistic(whole[:, :width])[0] - statistic(whole[:, width:])[0]), gaps, level)


def paired_auc(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    positive: NDArray[np.bool_],
    *,
    seed: int = 0,
    resamples: int = 2000,
    level: float = 0.95,
) -> Difference:
    """The difference in the area under the curve between two models' scores of the same rows, resampled in pairs as
    `paired_bootstrap` does; a resample without rows of both kinds has no area and is left out.

    Args:
        first: `[N]`, the first model's scores.
        second: `[N]`, the second's.
        positive: `[N]`, which rows a high score is right for.
        seed: of the resampling.
        resamples: how many.
        level: of the interval.
    """
    if not first.shape == second.shape == positive.shape:
        raise ValueError(f"paired rows expected, got {first.shape}, {second.shape} and {positive.shape}")
    rows = len(positive)
    if positive.all() or not positive.any():
        return Difference(0.0, -1.0, 1.0, 1.0, "bootstrap")
    areas = [_area_of(scores, positive) for scores in (first, second)]
    random = np.random.default_rng(seed)
    gaps = np.empty(resamples)
    for index in range(resamples):
        drawn = np.bincount(random.integers(0, rows, size=rows), minlength=rows)
        gaps[index] = areas[0](drawn) - areas[1](drawn)
    once = np.ones(rows, dtype=np.int64)
    return _spread(areas[0](once) - areas[1](once), gaps, level)


def _area_of(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> Callable[[NDArray[np.int64]], float]:
    """The area as a function of how often each row is drawn; NaN without rows of both kinds. Ties count half."""
    place = np.unique(scores, return_inverse=True)[1].reshape(-1)
    yes, no = place[positive], place[~positive]

    def area(drawn: NDArray[np.int64]) -> float:
        above = np.bincount(yes, weights=drawn[positive], minlength=len(scores))
        beneath = np.bincount(no, weights=drawn[~positive], minlength=len(scores))
        both = above.sum() * beneath.sum()
        return float(above @ (beneath.cumsum() - beneath / 2) / both) if both else float("nan")

    return area


def _spread(mean: float, gaps: NDArray[np.float64], level: float) -> Difference:
    """The difference `mean` with the interval and the chance that its resamples `gaps` `[R]` give."""
    gaps = gaps[np.isfinite(gaps)]
    if len(gaps) == 0:
        return Difference(mean, float("nan"), float("nan"), 1.0, "bootstrap")
    low, high = np.quantile(gaps, [(1 - level) / 2, (1 + level) / 2])
    side = min(float((gaps <= 0).mean()), float((gaps >= 0).mean()))
    return Difference(mean, float(low), float(high), min(1.0, max(2 * side, 1 / len(gaps))), "bootstrap")
