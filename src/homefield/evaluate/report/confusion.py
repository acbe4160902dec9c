"""Which classes are taken for which: the pairs in words, and the whole square with like classes side by side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from homefield.evaluate.assessment import Assessment
from homefield.evaluate.report.material import ReportData
from homefield.pages import Axis, Column, Section, Series, count, figure, heatmap, line, percent, say, section, table

__all__ = ["confusion_section", "in_order"]

SQUARE = 90  # classes drawn at most; of more, the most confused


def confusion_section(data: ReportData) -> Section | None:
    """For one category a row the confusions, for numbers true against predicted."""
    found = data.assessment
    if found.output == "number":
        return _dots(found)
    if found.output == "categories" or not found.confusion:
        return None
    parts = []
    if found.pairs:
        rows = [
            [
                one.first,
                one.second,
                count(one.forward),
                count(one.backward),
                percent(_share(one.forward + one.backward, one.rows)),
            ]
            for one in found.pairs[:12]
        ]
        columns = [
            Column(say("report.class"), "wide"),
            Column(say("report.taken_for"), "wide"),
            Column(say("report.forward"), "number"),
            Column(say("report.backward"), "number"),
            Column(say("report.of_both"), "number"),
        ]
        parts.append(table(columns, rows))
    square = _square(found)
    order = in_order(square)
    if len(order) > SQUARE:
        wrong = square.sum(axis=0) + square.sum(axis=1) - 2 * np.diag(square)
        kept = set(np.argsort(-wrong, kind="stable")[:SQUARE].tolist())
        order = [place for place in order if place in kept]
    names = [found.labels[place] for place in order]
    shown = square[np.ix_(order, order)].astype(int).tolist()
    note = (
        say("report.square_part", shown=len(order), classes=len(found.labels))
        if len(order) < len(found.labels)
        else None
    )
    title = say("report.square")
    parts.append(figure(heatmap(shown, names, names, name=title), title, note))
    return section(say("report.confusion"), *parts, anchor="confusion", lead=say("report.confusion_lead"))


def in_order(square: NDArray[np.float64]) -> list[int]:
    """An order of the classes in which those taken for each other are neighbours.

    Average linkage on the share of either class's rows that goes to the other, leaves ordered optimally (Bar-Joseph,
    Gifford & Jaakkola 2001); plain order beyond 400 classes, where that takes long.
    """
    size = len(square)
    if size < 3 or size > 400:
        return list(range(size))
    rates = square / np.maximum(1, square.sum(axis=1, keepdims=True))
    near = rates + rates.T
    apart = 2.0 - np.minimum(near, 2.0)
    np.fill_diagonal(apart, 0.0)
    tree = linkage(squareform(apart, checks=False), "average", optimal_ordering=True)
    return [int(place) for place in leaves_list(tree)]


def _square(found: Assessment) -> NDArray[np.float64]:
    square = np.zeros((len(found.labels), len(found.labels)))
    for true, said, rows in found.confusion:
        square[true, said] = rows
    return square


def _dots(found: Assessment) -> Section | None:
    if not found.dots:
        return None
    true, said = [one for one, _ in found.dots], [one for _, one in found.dots]
    low, high = min(*true, *said), max(*true, *said)
    dots = Series(say("report.rows"), true, said, dots=True, line=False)
    chart = line(
        [dots], x=Axis(say("report.true"), low, high), y=Axis(say("report.predicted"), low, high), diagonal="muted"
    )
    return section(
        say("report.true_predicted"), figure(chart, say("report.dots"), say("report.dots_note")), anchor="confusion"
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
