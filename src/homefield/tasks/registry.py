"""Tasks by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from homefield.data.dataset import LabelKind
from homefield.errors import CallError
from homefield.tasks.classify import Classify
from homefield.tasks.contract import Task
from homefield.tasks.match import Match
from homefield.tasks.multilabel import Multilabel
from homefield.tasks.regress import Regress

__all__ = ["TASKS", "task", "task_for"]

TASKS: tuple[str, ...] = ("classify", "multilabel", "regress", "match")
_BY_LABEL: dict[LabelKind, str] = {"category": "classify", "categories": "multilabel", "number": "regress"}


def task(
    kind: str,
    *,
    label_smoothing: float = 0.0,
    class_weights: Literal["none", "balanced"] = "none",
    focal: float = 0.0,
    temperature: float = 0.05,
    apart: float = 0.1,
) -> Task:
    """The task called `kind`.

    Raises:
        CallError: `tasks.unknown`.
    """
    if kind == "classify":
        return Classify(label_smoothing=label_smoothing, class_weights=class_weights, focal=focal)
    if kind == "multilabel":
        return Multilabel(label_smoothing=label_smoothing, class_weights=class_weights, focal=focal)
    if kind == "regress":
        return Regress()
    if kind == "match":
        return Match(temperature=temperature, apart=apart)
    raise CallError("tasks.unknown", kind=kind, known=", ".join(TASKS))


def task_for(label_kind: LabelKind, roles: Collection[str] = ()) -> str | None:
    """The name of the task that learns labels of this kind, or the pairs among `roles`; None for texts alone."""
    return _BY_LABEL.get(label_kind, "match" if "other" in roles else None)
