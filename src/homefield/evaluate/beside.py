"""Learn the n-grams that stand beside a network, and how much either counts.

Both are fitted alone: a network that is told what n-grams know would learn only their mistakes on rows that they have
by heart. What either counts is two numbers, fitted on rows that neither has learned from, and a network stays alone
when n-grams do not make those rows likelier by more than chance. Of fewer than 50 rows nothing of that kind can be
told; then both stand together, since that is what more rows would mostly say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.stats import norm

from homefield.evaluate.baselines import fit_linear, planes
from homefield.evaluate.calibration import Output, log_losses
from homefield.evaluate.grams import Counted, Grams, count_grams

__all__ = ["Shares", "fit_grams", "fit_shares", "matrix_of"]

SEEN = 2
MOST = 8_000_000  # numbers in the table of weights: 16 MB
FOLDS = 4
CERTAIN = float(norm.ppf(0.99))  # at 95 % a network that was as good alone (finance tweets) got n-grams too
# Rows below which a gain cannot be told from chance, and both stand together. With 32 rows, on the rest, network alone,
# n-grams alone, both: shop questions 83.5, 85.6, 88.7 % and 81.4, 82.5, 84.5 (two seeds), headlines (352 to learn from)
# 67.8, 61.2, 69.9, stock news 90.3, 87.7, 90.1.
FEWEST = 50
_SPREAD = 1.5  # of the prior on the logarithm of a share, worth one row


@dataclass(frozen=True)
class Shares:
    """What the outputs of a network and of n-grams are multiplied by before they are added.

    gain: by how much less a held-out row loses on the average than by the network alone, each at its best scale.
    low: lower limit of that, 99 % certain. rows: how many said so; of fewer than 50, gain and low are 0.
    """

    network: float
    grams: float
    gain: float
    low: float
    rows: int

    @property
    def proven(self) -> bool:
        """Whether there were rows enough to tell the gain from chance."""
        return self.rows >= FEWEST


def fit_grams(texts: Sequence[str], targets: NDArray[Any], output: Output, size: int, *, seed: int = 0) -> Grams:
    """The linear model of the n-grams that came in at least two of N texts; like the baseline, a linear SVC.

    targets: `[N]` class indices or `[N, C]` zeros and ones. size: C.
    """
    counted = count_grams(texts)
    keys, seen = np.unique(counted.keys, return_counts=True)
    kept = np.flatnonzero(seen >= SEEN)
    if len(kept) * size > MOST:
        # The most frequent; of equals the one with the smaller key, so that the same texts keep the same.
        kept = np.sort(kept[np.argsort(-seen[kept], kind="stable")[: MOST // size]])
    rarity = (np.log((1 + counted.texts) / (1 + seen[kept])) + 1).astype(np.float32)
    bare = Grams(keys[kept], rarity, np.zeros((len(kept), size), np.float16), np.zeros(size, np.float32))
    linear, classes = fit_linear(matrix_of(bare, counted), targets, output, seed)
    weights, bias = np.zeros((len(kept), size), np.float16), np.full(size, -1.0, np.float32)
    weights[:, classes], bias[classes] = planes(linear, len(classes))
    return Grams(bare.keys, rarity, weights, bias)


def matrix_of(grams: Grams, counted: Counted) -> csr_matrix:
    """The features of N texts as a sparse matrix `[N, F]`."""
    rows, places, values = grams.features(counted)
    return csr_matrix((values, (rows, places)), (counted.texts, len(grams.keys)))


def fit_shares(
    network: NDArray[np.float32], grams: NDArray[np.float32], targets: NDArray[Any], output: Output
) -> Shares | None:
    """How much either counts, from their outputs `[N, C]` for rows that neither has learned from.

    None when rows left out of the fit do not become likelier with n-grams by more than chance (one-sided, 1 %); of
    fewer than 50 rows that is not asked. None also without any rows.
    """
    known = np.arange(len(targets)) if output == "categories" else np.flatnonzero(np.asarray(targets) >= 0)
    both = np.stack([network[known], grams[known]]).astype(np.float64)
    truth = np.asarray(targets)[known]
    if len(known) == 0:
        return None
    if len(known) < FEWEST:
        # In units of their spread: the fewer rows, the nearer both come to having as much to say.
        spread = np.maximum((both - both.mean(axis=2, keepdims=True)).std(axis=(1, 2)), 1e-6)
        network_share, grams_share = _fit(both / spread[:, None, None], truth, output) / spread
        return Shares(float(network_share), float(grams_share), 0.0, 0.0, len(known))
    fold = np.arange(len(known)) % FOLDS
    gains = np.empty(len(known))
    for each in range(FOLDS):
        held, rest = fold == each, fold != each
        alone = _fit(both[:1, rest], truth[rest], output)
        together = _fit(both[:, rest], truth[rest], output)
        gains[held] = _losses(alone, both[:1, held], truth[held], output)
        gains[held] -= _losses(together, both[:, held], truth[held], output)
    gain = float(gains.mean())
    low = gain - CERTAIN * float(gains.std(ddof=1)) / np.sqrt(len(gains))
    if low <= 0:
        return None
    shares = _fit(both, truth, output)
    return Shares(float(shares[0]), float(shares[1]), gain, float(low), len(known))


def _losses(
    shares: NDArray[np.float64], parts: NDArray[np.float64], truth: NDArray[Any], output: Output
) -> NDArray[np.float64]:
    return log_losses(np.tensordot(shares, parts, axes=1), truth, output)


def _fit(parts: NDArray[np.float64], truth: NDArray[Any], output: Output) -> NDArray[np.float64]:
    """Positive shares `[P]` of parts `[P, N, C]` that make the truth likeliest."""

    def loss(logs: NDArray[np.float64]) -> float:
        prior = 0.5 * float(np.square(logs / _SPREAD).sum()) / len(truth)
        return float(_losses(np.exp(logs), parts, truth, output).mean()) + prior

    found = minimize(loss, np.zeros(len(parts)), method="L-BFGS-B", bounds=[(-4.0, 4.0)] * len(parts))
    return np.asarray(np.exp(found.x), dtype=np.float64)
