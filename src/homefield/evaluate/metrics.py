"""Every number that says how good a model is, from its probabilities and the truth.

One function for each kind of output; each returns a plain dictionary ready for JSON, None where a number has no
meaning (no row of a class, no model probability for an unknown label). Probabilities may be memory-mapped: they are
read in blocks, and one column at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from homefield.evaluate.answers import answer, correct
from homefield.evaluate.calibration import Output, blocks, calibration_error

__all__ = ["HEADLINE", "auroc", "classify", "confusion_counts", "measure", "multilabel", "regress"]

HEADLINE: dict[Output, str] = {"category": "accuracy", "categories": "f1_micro", "number": "r2", "vector": "mrr"}
"""The metric that decides, by kind of output; larger is better for each."""

RANKED = 200_000_000  # numbers ranked at most for AUROC; of larger arrays an even sample of rows
SMALLEST = 1e-12  # probabilities below cost no more than this in log loss

Numbers = dict[str, Any]


def measure(
    probabilities: NDArray[np.floating],
    targets: NDArray[Any],
    output: Output,
    labels: Sequence[str] = (),
    thresholds: float | NDArray[np.floating] = 0.5,
) -> Numbers:
    """The numbers for any kind of output: `classify`, `multilabel` or `regress`."""
    if output == "category":
        return classify(probabilities, targets, labels)
    if output == "categories":
        return multilabel(probabilities, targets, labels, thresholds)
    return regress(probabilities, targets)


def classify(probabilities: NDArray[np.floating], targets: NDArray[Any], labels: Sequence[str]) -> Numbers:
    """One category a row.

    Averages over classes (`macro`) are over the classes that occur in the truth or in the answers; `micro` equals
    accuracy here. `brier` is the sum over classes of squared differences (Brier 1950), 0 to 2. `auroc_macro` is one
    class against the rest, averaged over classes with rows on both sides. `balanced_accuracy` is the mean recall of the
    classes that occur in the truth.

    Args:
        probabilities: `[N, C]`, rows summing to 1.
        targets: `[N]` class indices; -1 for a label that the model does not know, which counts as wrong and is left
            out of log loss, Brier score and AUROC.
        labels: the C classes' names.
    """
    targets = np.asarray(targets).astype(np.int64)
    answers = answer(probabilities, "category")
    right = correct(answers.predicted, targets, "category")
    size = probabilities.shape[1]
    known = targets >= 0
    hits = np.bincount(targets[right], minlength=size)
    said = np.bincount(answers.predicted, minlength=size)
    real = np.bincount(targets[known], minlength=size)
    log_loss, brier = _proper_scores(probabilities, targets)
    numbers: Numbers = {"rows": len(targets), "unknown_labels": int((~known).sum())}
    numbers |= {"accuracy": _mean(right), "errors": int((~right).sum())}
    numbers |= _averages(hits, said, real)
    numbers |= {
        "f1_micro": _mean(right),
        "balanced_accuracy": _mean(hits[real > 0] / real[real > 0]),
        "log_loss": log_loss,
        "brier": brier,
        "ece": calibration_error(answers.confidence, right) if len(right) else None,
        "auroc_macro": _auroc_macro(probabilities, lambda label: targets == label, known),
        "per_class": _per_class(labels, hits, said, real),
    }
    return numbers


def multilabel(
    probabilities: NDArray[np.floating],
    targets: NDArray[Any],
    labels: Sequence[str],
    thresholds: float | NDArray[np.floating] = 0.5,
) -> Numbers:
    """Any number of categories a row.

    `exact` is the share of rows whose whole set is right, `hamming` the share of single decisions that are wrong;
    log loss and Brier score are means over rows and labels; ECE is that of the whole set's confidence.

    Args:
        probabilities: `[N, C]`.
        targets: `[N, C]`, zeros and ones.
        labels: the C labels' names.
        thresholds: one or `[C]`: from which probability on a label is said.
    """
    truth = np.asarray(targets) > 0.5
    answers = answer(probabilities, "categories", thresholds)
    said = answers.predicted
    right = (said == truth).all(axis=1)
    hits, wide, real = (said & truth).sum(axis=0), said.sum(axis=0), truth.sum(axis=0)
    log_sum = brier_sum = 0.0
    for rows in blocks(*probabilities.shape):
        block = np.asarray(probabilities[rows], dtype=np.float64)
        given = np.where(truth[rows], block, 1.0 - block)
        log_sum -= float(np.log(np.maximum(given, SMALLEST)).sum())
        brier_sum += float(np.square(1.0 - given).sum())
    cells = max(1, truth.size)
    every = np.ones(len(truth), dtype=np.bool_)
    numbers: Numbers = {"rows": len(truth), "unknown_labels": 0, "exact": _mean(right), "errors": int((~right).sum())}
    numbers |= _averages(hits, wide, real)
    numbers |= {
        "precision_micro": _ratio(hits.sum(), wide.sum()),
        "recall_micro": _ratio(hits.sum(), real.sum()),
        "f1_micro": _ratio(2 * hits.sum(), wide.sum() + real.sum()) or 0.0,
        "hamming": float((said != truth).sum() / cells),
        "log_loss": log_sum / cells,
        "brier": brier_sum / cells,
        "ece": calibration_error(answers.confidence, right) if len(right) else None,
        "auroc_macro": _auroc_macro(probabilities, lambda label: truth[:, label], every),
        "per_class": _per_class(labels, hits, wide, real),
    }
    return numbers


def regress(predicted: NDArray[np.floating], targets: NDArray[Any]) -> Numbers:
    """A number a row: R², root mean square and mean absolute error, Spearman's rank correlation, and the bias.

    Args:
        predicted: `[N]` or `[N, 1]`.
        targets: `[N]` or `[N, 1]`.
    """
    truth = np.asarray(targets, dtype=np.float64).reshape(len(targets))
    error = np.asarray(predicted, dtype=np.float64).reshape(len(truth)) - truth
    squares, spread = float(np.square(error).sum()), float(np.square(truth - truth.mean()).sum()) if len(truth) else 0.0
    return {
        "rows": len(truth),
        "r2": 1 - squares / spread if spread > 0 else None,
        "rmse": float(np.sqrt(squares / len(truth))) if len(truth) else None,
        "mae": _mean(np.abs(error)),
        "bias": _mean(error),
        "spearman": _spearman(error + truth, truth),
    }


def confusion_counts(predicted: NDArray[np.int64], targets: NDArray[np.int64]) -> list[tuple[int, int, int]]:
    """The cells of the confusion matrix that are not empty: (true, predicted, rows), true -1 left out."""
    known = targets >= 0
    pairs, counts = np.unique(np.stack([targets[known], predicted[known]], axis=1), axis=0, return_counts=True)
    return [(int(true), int(said), int(rows)) for (true, said), rows in zip(pairs, counts, strict=True)]


def auroc(scores: NDArray[np.floating], positive: NDArray[np.bool_]) -> float | None:
    """The probability that a positive row scores above a negative one, ties counting half; None without both kinds.

    From ranks, as the Mann-Whitney statistic (Hanley & McNeil 1982).
    """
    yes = int(positive.sum())
    no = len(positive) - yes
    if yes == 0 or no == 0:
        return None
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - yes * (yes + 1) / 2) / (yes * no))


def _auroc_macro(probabilities: NDArray[np.floating], positive: Any, rows: NDArray[np.bool_]) -> float | None:
    chosen = np.flatnonzero(rows)
    most = max(1, RANKED // max(1, probabilities.shape[1]))
    if len(chosen) > most:
        chosen = chosen[np.linspace(0, len(chosen) - 1, most).astype(np.int64)]
    every = len(chosen) == len(probabilities)
    found = []
    for label in range(probabilities.shape[1]):
        column = np.asarray(probabilities[:, label])
        scores = column if every else column[chosen]
        if (area := auroc(scores, positive(label) if every else positive(label)[chosen])) is not None:
            found.append(area)
    return float(np.mean(found)) if found else None


def _proper_scores(
    probabilities: NDArray[np.floating], targets: NDArray[np.int64]
) -> tuple[float | None, float | None]:
    log_sum = brier_sum = 0.0
    known = 0
    for rows in blocks(*probabilities.shape):
        block, truth = np.asarray(probabilities[rows], dtype=np.float64), targets[rows]
        block, truth = block[truth >= 0], truth[truth >= 0]
        given = block[np.arange(len(truth)), truth]
        log_sum -= float(np.log(np.maximum(given, SMALLEST)).sum())
        brier_sum += float((np.square(block).sum(axis=1) - 2 * given + 1).sum())
        known += len(truth)
    return (log_sum / known, brier_sum / known) if known else (None, None)


def _averages(hits: NDArray[Any], said: NDArray[Any], real: NDArray[Any]) -> Numbers:
    numbers: Numbers = {}
    seen = (said + real) > 0
    for name, values in zip(("precision", "recall", "f1"), _rates(hits, said, real), strict=True):
        numbers[f"{name}_macro"] = _mean(values[seen])
        numbers[f"{name}_weighted"] = float(values @ real / real.sum()) if real.sum() else None
    return numbers


def _rates(hits: NDArray[Any], said: NDArray[Any], real: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
    return (
        hits / np.maximum(1, said),
        hits / np.maximum(1, real),
        2 * hits / np.maximum(1, said + real),
    )


def _per_class(labels: Sequence[str], hits: NDArray[Any], said: NDArray[Any], real: NDArray[Any]) -> list[Numbers]:
    precision, recall, f1 = _rates(hits, said, real)
    return [
        {
            "label": label,
            "rows": int(real[index]),
            "predicted": int(said[index]),
            "precision": float(precision[index]) if said[index] else None,
            "recall": float(recall[index]) if real[index] else None,
            "f1": float(f1[index]) if said[index] + real[index] else None,
        }
        for index, label in enumerate(labels)
    ]


def _spearman(left: NDArray[np.float64], right: NDArray[np.float64]) -> float | None:
    if len(left) < 2:
        return None
    a, b = rankdata(left), rankdata(right)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b / size) if size > 0 else None


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


def _ratio(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None
