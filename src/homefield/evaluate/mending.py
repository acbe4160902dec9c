"""What to mend first: the few things that would gain most, by how many rows each has at stake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homefield.evaluate.mistakes import Confused, Mistake
from homefield.evaluate.significance import Difference
from homefield.evaluate.slices import Slice

__all__ = ["ClassRow", "Mend", "mending"]

MOST = 8
WEAK = 0.10  # below the middle class by this much F1
FEW_ROWS = 30
OFF = 0.05  # expected calibration error that a person would notice
WIDE = 0.05  # width of the headline's interval that hides real differences


@dataclass(frozen=True)
class ClassRow:
    """One class: rows in training, rows here, and how well it is found. None where there are no rows."""

    label: str
    training: int | None
    rows: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None


@dataclass(frozen=True)
class Mend:
    """One piece of advice: `key` is a message of the report, `values` fill it, `rows` are at stake."""

    key: str
    rows: int
    values: Mapping[str, Any]


def mending(
    rows: int,
    numbers: Mapping[str, Any],
    interval: tuple[float, float],
    difference: Difference | None,
    pairs: Sequence[Confused],
    worst: Sequence[Mistake],
    classes: Sequence[ClassRow],
    parts: Sequence[Slice],
) -> list[Mend]:
    """Advice, most rows at stake first; at most eight, and at most three of a kind.

    Args:
        rows: how many rows were assessed.
        numbers: the metrics.
        interval: of the headline metric.
        difference: model less baseline.
        pairs: classes taken for each other.
        worst: the mistakes.
        classes: every class.
        parts: the slices.
    """
    found = [*_pairs(pairs), *_weak(classes), *_labels(worst), *_parts(parts, interval)]
    if numbers.get("unknown_labels"):
        found.append(Mend("report.mend_unknown_labels", numbers["unknown_labels"], {"rows": numbers["unknown_labels"]}))
    if (numbers.get("ece") or 0.0) > OFF:
        found.append(Mend("report.mend_calibration", rows // 50, {"ece": f"{100 * numbers['ece']:.1f}"}))
    found.sort(key=lambda one: -one.rows)
    if difference is not None and difference.low <= 0:
        found.insert(0, Mend("report.mend_baseline", rows, {}))
    if interval[1] - interval[0] > WIDE:
        values = {"rows": rows, "width": f"{100 * (interval[1] - interval[0]):.1f}"}
        found.append(Mend("report.mend_rows", 0, values))
    return found[:MOST]


def _pairs(pairs: Sequence[Confused]) -> list[Mend]:
    found = []
    for pair in pairs[:3]:
        together = pair.forward + pair.backward
        if together >= 3 and together >= 0.08 * pair.rows:
            values = {"first": pair.first, "second": pair.second, "errors": together, "rows": pair.rows}
            both = pair.backward >= 0.3 * together
            found.append(Mend("report.mend_pair" if both else "report.mend_pair_one_way", together, values))
    return found


def _weak(classes: Sequence[ClassRow]) -> list[Mend]:
    scores = [one.f1 for one in classes if one.f1 is not None and one.rows]
    if not scores:
        return []
    middle = float(np.median(scores))
    sizes = [one.training for one in classes if one.training is not None]
    few = max(FEW_ROWS, float(np.median(sizes)) / 3) if sizes else FEW_ROWS
    found = []
    for one in sorted(classes, key=lambda one: one.f1 if one.f1 is not None else 1.0):
        if one.f1 is None or not one.rows or one.f1 >= middle - WEAK or one.training is None or one.training >= few:
            continue
        lost = max(1, round(one.rows * (1 - one.f1)))
        values = {"label": one.label, "training": one.training, "f1": f"{100 * one.f1:.0f}"}
        found.append(Mend("report.mend_examples", lost, values))
    return found[:3]


def _labels(worst: Sequence[Mistake]) -> list[Mend]:
    suspected = sum(one.suspected for one in worst)
    return [Mend("report.mend_labels", suspected, {"rows": suspected})] if suspected >= 2 else []


def _parts(parts: Sequence[Slice], interval: tuple[float, float]) -> list[Mend]:
    found = []
    for part in parts:
        if part.high < interval[0]:
            lost = round(part.rows * (interval[0] - part.value))
            key = "report.mend_language" if part.kind == "language" else "report.mend_length"
            values = {"name": part.name, "value": f"{100 * part.value:.1f}", "rows": part.rows}
            found.append(Mend(key, lost, values))
    return found[:3]
