"""How unlike the training data a text is: the unknown score, 0 to 1.

Two signs are added. One is how far the text's vector lies from every class's mean, in units of the classes' own spread;
the other is how little any output responds. The sum is turned into a share: a score of 0.99 means that 99 of 100
validation rows look more usual. Only means and one projection are kept, so that scoring costs a small matrix product.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.special import logsumexp

from homefield.evaluate.calibration import Output, blocks

__all__ = ["UnknownModel", "fit_unknown"]

SHRINK = 0.3
SUBTRACT = 0.7
# Both measured with a small network on MiniLM vectors of banking77, on texts of left-out intents and of another domain
# (hwu64), area under the ROC curve: this sum 0.904 and 0.988 with 100 rows an intent, 0.80 and 0.966 with 10; energy
# alone 0.863 and 0.960, 0.72 and 0.88; distance alone 0.893 and 0.983, 0.82 and 0.975; cosine to the class means and
# the nearest five rows are no better and the rows cost 100 times the room.
QUANTILES = 1001
NAMES = ("projection", "means", "centre", "spread", "scale", "reference")


@dataclass(frozen=True)
class UnknownModel:
    """What scoring needs.

    projection: `[D, D]`, to axes on which classes have unit spread and all rows have variance `spread`.
    means: `[C, D]` of the classes there; centre: `[D]`, of all rows; spread: `[D]`.
    scale: `[4]`, median and width (10 % to 90 %) of the distance and of the energy on validation rows.
    reference: `[Q]`, ascending, the sum's quantiles on validation rows.
    """

    output: Output
    projection: NDArray[np.float32]
    means: NDArray[np.float32]
    centre: NDArray[np.float32]
    spread: NDArray[np.float32]
    scale: NDArray[np.float32]
    reference: NDArray[np.float32]

    @property
    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Everything but the output's kind, for a safetensors file."""
        return {name: np.ascontiguousarray(getattr(self, name)) for name in NAMES}

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[np.float32]], output: Output) -> UnknownModel:
        """From the arrays of a safetensors file.

        Raises:
            KeyError: an array is missing.
        """
        return cls(output, **{name: np.asarray(arrays[name], dtype=np.float32) for name in NAMES})

    def score(self, vectors: NDArray[np.floating], logits: NDArray[np.floating]) -> NDArray[np.float64]:
        """The share of validation rows that are less unusual than each of N rows, `[N]`, 0 to 1.

        Args:
            vectors: `[N, D]`, in the backbone's space.
            logits: `[N, C]`, before temperature.
        """
        place = np.searchsorted(self.reference, self._sum(vectors, logits), side="right")
        return np.asarray(place / len(self.reference), dtype=np.float64)

    def _sum(self, vectors: NDArray[np.floating], logits: NDArray[np.floating]) -> NDArray[np.float32]:
        away = (self._distance(vectors) - self.scale[0]) / self.scale[1]
        quiet = (energy(logits, self.output) - self.scale[2]) / self.scale[3]
        return np.asarray(away + quiet, dtype=np.float32)

    def _distance(self, vectors: NDArray[np.floating]) -> NDArray[np.float32]:
        """Squared Mahalanobis distance to the nearest class less 0.7 times that to all rows, `[N]`."""
        found = np.empty(len(vectors), dtype=np.float32)
        sizes = np.square(self.means).sum(axis=1)
        for rows in blocks(len(vectors), self.projection.shape[0] + len(self.means)):
            there = np.asarray(vectors[rows], dtype=np.float32) @ self.projection
            near = (np.square(there).sum(axis=1)[:, None] - 2 * there @ self.means.T + sizes).min(axis=1)
            found[rows] = near - SUBTRACT * (np.square(there - self.centre) / self.spread).sum(axis=1)
        return found


def energy(logits: NDArray[np.floating], output: Output) -> NDArray[np.float32]:
    """How little any output responds, `[N]`, higher for stranger rows.

    `category`: -logsumexp of the outputs (Liu, Wang, Owens & Li 2020); `categories`: minus the sum over labels of
    log(1 + exp) (Wang, Liu, Bocchieri & Li 2021); `number`: 0.
    """
    if output == "category":
        return np.asarray(-logsumexp(np.asarray(logits, dtype=np.float32), axis=1), dtype=np.float32)
    if output == "categories":
        return np.asarray(-np.logaddexp(0.0, np.asarray(logits, dtype=np.float32)).sum(axis=1), dtype=np.float32)
    return np.zeros(len(logits), dtype=np.float32)


def fit_unknown(
    vectors: NDArray[np.floating],
    targets: NDArray[Any],
    *,
    output: Output,
    size: int,
    validation_vectors: NDArray[np.floating],
    validation_logits: NDArray[np.floating],
) -> UnknownModel:
    """Fit on training vectors; scale and quantiles come from validation rows.

    The distance is Mahalanobis with one covariance for all classes (Lee, Lee, Lee & Shin 2018) less most of the
    distance to all rows (relative Mahalanobis, Ren et al. 2021). Covariances are shrunk by 0.3 towards a multiple of
    the identity, so that ten rows a class are enough. Both are made diagonal at once by a generalised eigenproblem.

    Args:
        vectors: `[N, D]`, of the training rows; may be memory-mapped and 16-bit.
        targets: `[N]` class indices, `[N, C]` zeros and ones, or numbers (then all rows are one class).
        output: the kind of output.
        size: C.
        validation_vectors: `[M, D]`.
        validation_logits: `[M, C]`, before temperature.

    Raises:
        ValueError: no training rows or no validation rows.
    """
    known = len(vectors) if output != "category" else int((np.asarray(targets) >= 0).sum())
    if known == 0 or len(validation_vectors) == 0:
        raise ValueError("the unknown score needs training rows and validation rows")
    sums, counts, moment, total, rows = _moments(vectors, targets, output, size)
    width = vectors.shape[1]
    filled = counts > 0
    means = sums[filled] / counts[filled, None]
    centre = total / rows
    members = counts[filled]
    between = (means * members[:, None]).T @ means / members.sum()
    everywhere = moment / rows - np.outer(centre, centre)
    # with several labels a row, the labels' members outnumber the rows; their own spread is what is left
    within = (moment / rows - between) * rows / max(1, rows - len(means)) if output != "categories" else everywhere
    spread, axes = eigh(_shrunk(everywhere, width), _shrunk(within, width))
    fitted = UnknownModel(
        output=output,
        projection=axes.astype(np.float32),
        means=(means @ axes).astype(np.float32),
        centre=(centre @ axes).astype(np.float32),
        spread=np.maximum(spread, 1e-6).astype(np.float32),
        scale=np.array([0, 1, 0, 1], dtype=np.float32),
        reference=np.zeros(1, dtype=np.float32),
    )
    scale = np.array(
        [*_middle(fitted._distance(validation_vectors)), *_middle(energy(validation_logits, output))],
        dtype=np.float32,
    )
    scaled = UnknownModel(**{**fitted.__dict__, "scale": scale})
    sums_seen = np.sort(scaled._sum(validation_vectors, validation_logits))
    if len(sums_seen) > QUANTILES:
        sums_seen = np.quantile(sums_seen, np.linspace(0, 1, QUANTILES)).astype(np.float32)
    return UnknownModel(**{**scaled.__dict__, "reference": sums_seen})


def _moments(
    vectors: NDArray[np.floating], targets: NDArray[Any], output: Output, size: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int]:
    """Per class the sum of vectors `[C, D]` and the rows `[C]`; over all rows V'V `[D, D]`, the sum `[D]`, how many.

    Rows of an unknown class are left out of all of them.
    """
    width = vectors.shape[1]
    classes = 1 if output == "number" else size
    sums, counts = np.zeros((classes, width)), np.zeros(classes)
    moment, total = np.zeros((width, width)), np.zeros(width)
    used = 0
    for rows in blocks(len(vectors), width + classes):
        block = np.asarray(vectors[rows], dtype=np.float64)
        truth = np.asarray(targets[rows])
        if output == "category":
            block, truth = block[truth >= 0], truth[truth >= 0]
        member = _members(truth, len(block), output, classes)
        used += len(block)
        sums += member.T @ block
        counts += member.sum(axis=0)
        moment += block.T @ block
        total += block.sum(axis=0)
    return sums, counts, moment, total, used


def _members(targets: NDArray[Any], rows: int, output: Output, classes: int) -> NDArray[np.float64]:
    if output == "number":
        return np.ones((rows, 1))
    if output == "categories":
        return (targets > 0.5).astype(np.float64)
    member = np.zeros((rows, classes))
    member[np.arange(rows), targets.astype(np.int64)] = 1.0
    return member


def _shrunk(covariance: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    spread = max(float(np.trace(covariance)) / width, 1e-12)
    return (1 - SHRINK) * (covariance + covariance.T) / 2 + SHRINK * spread * np.eye(width)


def _middle(values: NDArray[np.float32]) -> tuple[float, float]:
    low, middle, high = np.quantile(values, [0.1, 0.5, 0.9])
    return float(middle), float(high - low) if high > low else 1.0
