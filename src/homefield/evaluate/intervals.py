"""How far a number measured on so many rows can be trusted: bootstrap, and exact intervals for shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.stats import beta, norm

__all__ = ["Interval", "bootstrap", "lower_bound", "upper_bound", "wilson"]

Interval = tuple[float, float]
Table: TypeAlias = "NDArray[np.float64] | sparse.csr_array"
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

HELD = 1 << 22  # resampled counts held at once
FEW = 20_000  # up to so many different rows counts are drawn; beyond, indices, which is then quicker


def first(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """The statistic that is the mean of the first column."""
    return means[:, 0]


def bootstrap(
    values: NDArray[Any] | sparse.csr_array,
    statistic: Statistic = first,
    *,
    counts: NDArray[np.int64] | None = None,
    seed: int = 0,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """The percentile bootstrap interval of a statistic of row means (Efron & Tibshirani 1993, chapter 13).

    Accuracy, F1, Brier score, root mean square error and the like are all functions of means over rows, so that a
    resample needs only how often each row was drawn. Rows that are alike are drawn together: 1,526 rows of 0 and 1 are
    two different rows.

    Args:
        values: what each row contributes, `[N]` or `[N, K]`, dense or sparse.
        statistic: turns means `[R, K]` of R resamples into R numbers; not finite ones are left out.
        counts: how many rows each row of `values` stands for, `[N]`; one when not given.
        seed: of the resampling; the same seed gives the same interval.
        resamples: how many.
        level: of the interval.

    Returns:
        Low and high; two NaN when there are no rows.
    """
    if values.shape[0] == 0:
        return (float("nan"), float("nan"))
    if isinstance(values, sparse.csr_array):
        table: Table = values
    else:
        table = np.asarray(values, dtype=np.float64).reshape(values.shape[0], -1)
        if counts is None:
            table, counts = _alike(table)
    if counts is None:
        counts = np.ones(table.shape[0], dtype=np.int64)
    draws = [statistic(means) for means in _resampled(table, counts, resamples, np.random.default_rng(seed))]
    drawn = np.concatenate(draws)
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) == 0:
        return (float("nan"), float("nan"))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return (float(low), float(high))


def _alike(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64] | None]:
    if table.shape[1] > 8:
        return table, None
    different, counts = np.unique(table, axis=0, return_counts=True)
    return different, counts.astype(np.int64)


def _resampled(
    table: Table,
    counts: NDArray[np.int64],
    resamples: int,
    random: np.random.Generator,
) -> Iterator[NDArray[np.float64]]:
    rows = int(counts.sum())
    step = max(1, HELD // len(counts))
    if len(counts) <= FEW:
        for start in range(0, resamples, step):
            drawn = random.multinomial(rows, counts / rows, size=min(step, resamples - start))
            yield np.asarray(drawn @ table, dtype=np.float64) / rows
        return
    owner = np.repeat(np.arange(len(counts)), counts)
    for _ in range(resamples):
        drawn = np.bincount(owner[random.integers(0, rows, size=rows)], minlength=len(counts))
        yield np.asarray(drawn[None, :] @ table, dtype=np.float64) / rows


def upper_bound(errors: int, rows: int, delta: float = 0.05) -> float:
    """The exact one-sided upper limit of a rate, level 1 - delta (Clopper & Pearson 1934)."""
    return 1.0 if errors >= rows else float(beta.ppf(1 - delta, errors + 1, rows - errors))


def lower_bound(errors: int, rows: int, delta: float = 0.05) -> float:
    """The exact one-sided lower limit of a rate, level 1 - delta (Clopper & Pearson 1934)."""
    return 0.0 if errors <= 0 else float(beta.ppf(delta, errors, rows - errors + 1))


def wilson(successes: int, rows: int, level: float = 0.95) -> Interval:
    """The score interval of a share (Wilson 1927); sensible also at 0 and 1, where the bootstrap is not."""
    if rows == 0:
        return (0.0, 1.0)
    z = float(norm.ppf((1 + level) / 2))
    share = successes / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * float(np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)))
    return (max(0.0, centre - half), min(1.0, centre + half))
