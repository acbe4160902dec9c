"""One of several categories per record: softmax, cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self, cast

import numpy as np
import polars as pl
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy.special import logsumexp
from torch import Tensor, nn

from homefield.data.dataset import LabelKind
from homefield.tasks.contract import Fault, Output, Targets
from homefield.tasks.heads import linear_head

__all__ = ["Classify"]


@dataclass(frozen=True)
class Classify:
    """Cross-entropy with optional label smoothing, class weights and focal factor.

    With p the softmax of the outputs and q the smoothed target (1 - s on the true class plus s / C everywhere,
    Szegedy et al. 2016), the loss of a record of class y is `-w_y * (1 - p_y)^focal * sum_c q_c log p_c`
    (the factor after Lin et al. 2017, "Focal loss for dense object detection"), divided by the sum of `w_y`.
    `balanced` class weights are N / (C * count of the class).
    """

    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    focal: float = 0.0
    weights: tuple[float, ...] | None = None

    name: ClassVar[str] = "classify"
    roles: ClassVar[tuple[str, ...]] = ("text", "label")
    label_kind: ClassVar[LabelKind] = "category"
    output: ClassVar[Output] = "category"
    metric: ClassVar[str] = "accuracy"
    metrics: ClassVar[Mapping[str, bool]] = MappingProxyType({"accuracy": False, "f1_macro": False, "loss": True})
    margin: ClassVar[float] = 0.005
    baseline: ClassVar[str] = "tfidf_linear"

    def check(self, column: pl.Series, labels: Sequence[str]) -> list[Fault]:
        """See `Task.check`."""
        faults = empty_rows(column)
        if len(labels) < 2:
            faults.append(Fault("tasks.one_class", {"label": labels[0] if labels else "-"}))
            return faults
        counts = dict(column.drop_nulls().value_counts().iter_rows())
        if absent := [label for label in labels if not counts.get(label)]:
            faults.append(Fault("tasks.class_absent", {"labels": ", ".join(absent[:10]), "count": len(absent)}))
        if unknown := sorted(set(counts) - set(labels)):
            faults.append(Fault("tasks.class_unknown", {"labels": ", ".join(map(str, unknown[:10]))}))
        return faults

    def size(self, labels: Sequence[str]) -> int:
        """See `Task.size`."""
        return len(labels)

    def targets(self, column: pl.Series, labels: Sequence[str]) -> Targets:
        """Class indices `[N]`; -1 for a label that is not among `labels`."""
        index = {label: place for place, label in enumerate(labels)}
        return np.fromiter((index.get(label, -1) for label in column), dtype=np.int64, count=len(column))

    def fit(self, targets: Targets) -> Self:
        """See `Task.fit`."""
        if self.class_weights == "none":
            return self
        counts = np.bincount(cast("NDArray[np.int64]", targets))
        weights = len(targets) / (len(counts) * np.maximum(counts, 1))
        return replace(self, weights=tuple(float(value) for value in weights))

    def head(self, width: int, size: int, dropout: float) -> nn.Module:
        """See `Task.head`."""
        return linear_head(width, size, dropout)

    def loss(self, produced: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.loss`: outputs `[B, C]`, class indices `[B]`."""
        produced = produced.float()
        if self.focal == 0.0:
            weights = None if self.weights is None else produced.new_tensor(self.weights)
            rows = F.cross_entropy(produced, targets, reduction="none", label_smoothing=self.label_smoothing)
        else:
            logs = F.log_softmax(produced, dim=-1)
            true = logs.gather(1, targets[:, None])[:, 0]
            smooth = (1 - self.label_smoothing) * true + self.label_smoothing * logs.mean(dim=-1)
            rows = -((1 - true.exp()) ** self.focal) * smooth
            weights = None if self.weights is None else produced.new_tensor(self.weights)
        if weights is None:
            return rows.sum(), rows.new_tensor(float(len(rows)))
        each = weights[targets]
        return (rows * each).sum(), each.sum()

    def measure(self, produced: NDArray[np.float32], targets: Targets) -> dict[str, Any]:
        """See `Task.measure`: accuracy, macro-F1 and log loss; the full list is the report's business."""
        truth = np.asarray(targets, dtype=np.int64)
        guesses = produced.argmax(axis=1)
        size = produced.shape[1]
        hits = np.bincount(guesses[guesses == truth], minlength=size)
        sums = np.bincount(guesses, minlength=size) + np.bincount(truth[truth >= 0], minlength=size)
        known = truth >= 0
        values = produced[known].astype(np.float64)
        chosen = values[np.arange(len(values)), truth[known]]
        return {
            "accuracy": float((guesses == truth).mean()),
            "f1_macro": float((2 * hits[sums > 0] / sums[sums > 0]).mean()),
            "loss": float((logsumexp(values, axis=1) - chosen).mean()) if len(values) else 0.0,
        }


def empty_rows(column: pl.Series) -> list[Fault]:
    """The fault of rows without a target, naming the first of them (1-based)."""
    empty = column.is_null()
    if not empty.any():
        return []
    rows = ", ".join(str(int(place) + 1) for place in empty.arg_true()[:5])
    return [Fault("tasks.target_empty", {"count": int(empty.sum()), "rows": rows})]
