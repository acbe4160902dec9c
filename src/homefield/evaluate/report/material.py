"""What a report is made from, and how its figures are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

from homefield.evaluate.assessment import Assessment
from homefield.pages import Both, figure_of, percent, say

__all__ = ["SHARES", "ReportData", "RunFacts", "gap", "metric_name", "span", "value_of"]

SHARES = frozenset(
    {
        *("accuracy", "balanced_accuracy", "exact", "hamming", "ece", "auroc_macro"),
        *("precision_macro", "precision_micro", "precision_weighted"),
        *("recall_macro", "recall_micro", "recall_weighted"),
        *("f1_macro", "f1_micro", "f1_weighted"),
        *("recall_1", "recall_5", "recall_10"),
    }
)
"""Metrics that are written per cent."""


class RunFacts(Protocol):
    """What any report rests on."""

    @property
    def dataset(self) -> Mapping[str, Any]:
        """What to say of the dataset, in order."""

    @property
    def recipe(self) -> Mapping[str, Any]:
        """key -> value, as resolved."""

    @property
    def environment(self) -> Mapping[str, Any]:
        """name -> value."""

    @property
    def seconds(self) -> Mapping[str, float]:
        """stage -> seconds."""


_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows. Only `title` and `assessment` are needed; a part without material is left out.

    title: the heading, the model's or the run's name.
    assessment: what `assess` found.
    curves: the lines of metrics.jsonl: `kind` is `step` (`step`, `loss`, `learning_rate`, ...) or `evaluation` (`step`,
        `epoch`, `loss`, the task's metrics).
    dataset: what to say of the dataset, in order; `rows` (split -> rows) and `hash` are shown as such.
    recipe: key -> value, as resolved.
    environment: name -> value (versions, processor, arithmetic); nested mappings are written flat.
    seconds: stage -> seconds (`train`, `score`, ...).
    created: when, as it shall be written.
    """

    title: str
    assessment: Assessment
    curves: Sequence[Mapping[str, Any]] = ()
    dataset: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    recipe: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    environment: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    seconds: Mapping[str, float] = field(default_factory=lambda: _NOTHING)
    created: str = ""


def metric_name(metric: str) -> Both:
    """A metric's name as a reader knows it."""
    return say(f"report.metric.{metric}")


def value_of(metric: str, value: float | None) -> str:
    """A metric's value: per cent for shares, else three decimals."""
    return percent(value) if metric in SHARES else figure_of(value)


def span(metric: str, interval: tuple[float, float]) -> str:
    """An interval, short: `91.1–93.7%`."""
    low, high = (value_of(metric, one) for one in interval)
    return f"{low.removesuffix('%')}–{high}" if "%" in high else f"{low}–{high}"


def gap(metric: str, difference: float) -> Both:
    """A difference with its sign, in points for shares."""
    if metric in SHARES:
        return say("report.points", value=f"{100 * difference:+.1f}".replace("-", "−"))
    value = f"{difference:+.3f}".replace("-", "−")
    return Both(value, value)
