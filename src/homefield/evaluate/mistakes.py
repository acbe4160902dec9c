"""Where a model is wrong: the surest mistakes with the training rows near them, and classes taken for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.evaluate.answers import Answers, correct
from homefield.evaluate.calibration import Output
from homefield.evaluate.nearest import nearest_by_text, nearest_by_vector
from homefield.evaluate.scored import Scored, TrainingRows

__all__ = ["Confused", "Mistake", "Neighbour", "confused_pairs", "label_of", "mistakes"]

LONGEST = 320  # characters of a text shown
MOST_TEXTS = 50_000  # training rows compared by text


@dataclass(frozen=True)
class Neighbour:
    """A training row near another row: its text, its label, and the cosine between the two."""

    text: str
    label: str
    similarity: float


@dataclass(frozen=True)
class Mistake:
    """A row that was answered wrongly.

    true, predicted: labels (several joined with commas) or numbers, as written.
    suspected: the model is sure, and the baseline or the nearest training rows say the same: the label may be wrong.
    """

    text: str
    true: str
    predicted: str
    confidence: float
    place: str
    suspected: bool
    nearest: tuple[Neighbour, ...]


@dataclass(frozen=True)
class Confused:
    """Two classes taken for each other: rows of `first` answered `second`, the other way round, and rows of both."""

    first: str
    second: str
    forward: int
    backward: int
    rows: int


def mistakes(
    scored: Scored,
    answers: Answers,
    output: Output,
    labels: Sequence[str],
    *,
    training: TrainingRows | None,
    baseline: NDArray[Any] | None,
    most: int = 40,
) -> list[Mistake]:
    """The worst mistakes first: the surest, or for numbers the farthest off.

    Args:
        scored: the rows.
        answers: what the model said of them.
        output: the kind of output.
        labels: the classes' names.
        training: where the nearest rows come from; none are given without it.
        baseline: what the baseline said, as `answers.predicted`.
        most: how many at most.
    """
    targets = np.asarray(scored.targets)
    if output == "number":
        size = np.abs(answers.predicted - targets.reshape(len(targets)).astype(np.float64))
        worst = np.argsort(-size, kind="stable")[:most]
    else:
        wrong = np.flatnonzero(~correct(answers.predicted, targets, output))
        worst = wrong[np.argsort(-answers.confidence[wrong], kind="stable")[:most]]
    near = _neighbours(scored, worst, output, labels, training)
    found = []
    for order, row in enumerate(worst):
        said = label_of(answers.predicted[row], output, labels)
        agree = sum(one.label == said for one in near[order])
        same = baseline is not None and bool(np.all(baseline[row] == answers.predicted[row]))
        sure = output != "number" and answers.confidence[row] >= 0.9
        found.append(
            Mistake(
                text=_cut(scored.texts[row]),
                true=scored.written[row] if scored.written is not None else label_of(targets[row], output, labels),
                predicted=said,
                confidence=float(answers.confidence[row]),
                place=scored.places[row] if scored.places is not None else "",
                suspected=bool(sure and same and (agree >= 2 or not near[order])),
                nearest=near[order],
            )
        )
    return found


def confused_pairs(
    predicted: NDArray[Any], targets: NDArray[Any], labels: Sequence[str], most: int = 20
) -> list[Confused]:
    """Pairs of classes taken for each other at least twice, most often first."""
    known = targets >= 0
    size = len(labels)
    table = np.bincount(targets[known] * size + predicted[known], minlength=size * size).reshape(size, size)
    rows = table.sum(axis=1)
    np.fill_diagonal(table, 0)
    both = np.triu(table + table.T)
    first, second = np.nonzero(both >= 2)
    order = np.argsort(-both[first, second], kind="stable")[:most]
    return [
        Confused(labels[a], labels[b], int(table[a, b]), int(table[b, a]), int(rows[a] + rows[b]))
        if table[a, b] >= table[b, a]
        else Confused(labels[b], labels[a], int(table[b, a]), int(table[a, b]), int(rows[a] + rows[b]))
        for a, b in zip(first[order], second[order], strict=True)
    ]


def label_of(value: Any, output: Output, labels: Sequence[str]) -> str:
    """A target or an answer as it is written: a name, names with commas, or a number; a dash for no name."""
    if output == "number":
        return f"{float(np.asarray(value).reshape(-1)[0]):.4g}"
    if output == "category":
        return labels[int(value)] if int(value) >= 0 else "–"
    return ", ".join(labels[int(place)] for place in np.flatnonzero(np.asarray(value) > 0.5)) or "–"


def _neighbours(
    scored: Scored, rows: NDArray[np.int64], output: Output, labels: Sequence[str], training: TrainingRows | None
) -> list[tuple[Neighbour, ...]]:
    if training is None or len(training.texts) == 0 or len(rows) == 0:
        return [()] * len(rows)
    if training.vectors is not None and scored.vectors is not None:
        places, values = nearest_by_vector(scored.vectors[rows], training.vectors)
    else:
        step = max(1, len(training.texts) // MOST_TEXTS)
        places, values = nearest_by_text([scored.texts[int(row)] for row in rows], training.texts[::step])
        places = places * step
    return [
        tuple(
            Neighbour(
                _cut(training.texts[int(place)]),
                label_of(training.targets[place], output, labels),
                round(float(value), 4),
            )
            for place, value in zip(there, cosines, strict=True)
        )
        for there, cosines in zip(places, values, strict=True)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
