"""How the run learned: loss, the metric on validation, and the learning rate, by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from homefield.evaluate.report.material import SHARES, metric_name
from homefield.pages import Axis, Section, Series, figure, figures, line, say, section

__all__ = ["curves_section"]


def curves_section(curves: Sequence[Mapping[str, Any]], metric: str) -> Section | None:
    """Learning curves of the lines of metrics.jsonl; None when a model is judged without its run."""
    steps = [row for row in curves if row.get("kind") == "step"]
    checks = [row for row in curves if row.get("kind") == "evaluation"]
    if not steps and not checks:
        return None
    across = Axis(say("report.step"), low=0, kind="count")
    shown = []
    losses = [
        Series(say("report.training"), *_pairs(steps, "loss")),
        Series(say("report.validation"), *_pairs(checks, "loss"), colour="second", dots=True),
    ]
    if any(one.y for one in losses):
        chart = line([one for one in losses if one.y], x=across, y=Axis("", low=0))
        shown.append(figure(chart, say("report.loss"), say("report.loss_note")))
    places, values = _pairs(checks, metric)
    if values:
        kind = "percent" if metric in SHARES else "number"
        best = Series(metric_name(metric), places, values, dots=True)
        chart = line([best], x=across, y=Axis(metric_name(metric), kind="percent" if kind == "percent" else "number"))
        shown.append(figure(chart, say("report.metric_by_step", metric=metric_name(metric)), say("report.metric_note")))
    places, values = _pairs(steps, "learning_rate")
    if len(values) > 1:
        rate = Series(say("report.learning_rate"), places, values, colour="third")
        chart = line([rate], x=across, y=Axis("", low=0))
        shown.append(figure(chart, say("report.learning_rate")))
    return section(say("report.curves"), figures(*shown), anchor="curves") if shown else None


def _pairs(rows: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    found = [(float(row["step"]), float(row[key])) for row in rows if isinstance(row.get(key), (int, float))]
    return [step for step, _ in found], [value for _, value in found]
