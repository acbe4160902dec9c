"""Any number of categories per record: sigmoid, binary cross-entropy, micro-F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from homefield.data.dataset import LabelKind
from homefield.tasks.classify import empty_rows
from homefield.tasks.contract import Fault, Output, Targets
from homefield.tasks.heads import linear_head

__all__ = ["Multilabel"]


@dataclass(frozen=True)
class Multilabel:
    """Binary cross-entropy per category, averaged over records and categories.

    Smoothing moves targets to `s / 2` and `1 - s / 2`. `balanced` weights a category's positives by
    `sqrt(negatives / positives)`: the full ratio drowns frequent categories. The focal factor is `(1 - p_t)^focal`
    (Lin et al. 2017).
    """

    label_smoothing: float = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    focal: float = 0.0
    weights: tuple[float, ...] | None = None

    name: ClassVar[str] = "multilabel"
    roles: ClassVar[tuple[str, ...]] = ("text", "label")
    label_kind: ClassVar[LabelKind] = "categories"
    output: ClassVar[Output] = "categories"
    metric: ClassVar[str] = "f1_micro"
    metrics: ClassVar[Mapping[str, bool]] = MappingProxyType({"f1_micro": False, "f1_macro": False, "loss": True})
    margin: ClassVar[float] = 0.005
    baseline: ClassVar[str] = "tfidf_linear"

    def check(self, column: pl.Series, labels: Sequence[str]) -> list[Fault]:
        """See `Task.check`. A record without any category is a record of none, not a fault."""
        faults = empty_rows(column)
        if not labels:
            return [*faults, Fault("tasks.one_class", {"label": "-"})]
        counts = dict(column.explode().drop_nulls().value_counts().iter_rows())
        if absent := [label for label in labels if not counts.get(label)]:
            faults.append(Fault("tasks.class_absent", {"labels": ", ".join(absent[:10]), "count": len(absent)}))
        if unknown := sorted(set(counts) - set(labels)):
            faults.append(Fault("tasks.class_unknown", {"labels": ", ".join(map(str, unknown[:10]))}))
        return faults

    def size(self, labels: Sequence[str]) -> int:
        """See `Task.size`."""
        return len(labels)

    def targets(self, column: pl.Series, labels: Sequence[str]) -> Targets:
        """Zeros and ones `[N, C]`."""
        index = {label: place for place, label in enumerate(labels)}
        found = np.zeros((len(column), len(labels)), dtype=np.float32)
        for row, names in enumerate(column):
            for name in names:
                if name in index:
                    found[row, index[name]] = 1.0
        return found

    def fit(self, targets: Targets) -> Self:
        """See `Task.fit`."""
        if self.class_weights == "none":
            return self
        positive = np.maximum(targets.sum(axis=0), 1.0)
        return replace(self, weights=tuple(float(w) for w in np.sqrt((len(targets) - positive) / positive)))

    def head(self, width: int, size: int, dropout: float) -> nn.Module:
        """See `Task.head`."""
        return linear_head(width, size, dropout)

    def loss(self, produced: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.loss`: outputs and zeros-and-ones, both `[B, C]`."""
        produced = produced.float()
        wanted = targets * (1 - self.label_smoothing) + self.label_smoothing / 2
        weights = None if self.weights is None else produced.new_tensor(self.weights)
        cells = F.binary_cross_entropy_with_logits(produced, wanted, reduction="none", pos_weight=weights)
        if self.focal:
            true = torch.sigmoid(torch.where(targets > 0.5, produced, -produced))
            cells = cells * (1 - true) ** self.focal
        return cells.sum() / produced.shape[1], cells.new_tensor(float(len(cells)))

    def measure(self, produced: NDArray[np.float32], targets: Targets) -> dict[str, Any]:
        """See `Task.measure`: micro- and macro-F1 at probability 0.5, and the mean cross-entropy."""
        wanted = np.asarray(targets, dtype=np.float32) > 0.5
        guesses = produced > 0.0
        hits = (guesses & wanted).sum(axis=0).astype(np.float64)
        sums = (guesses.sum(axis=0) + wanted.sum(axis=0)).astype(np.float64)
        each = np.divide(2 * hits, sums, out=np.zeros_like(hits), where=sums > 0)
        values = produced.astype(np.float64)
        cells = np.logaddexp(0.0, values) - values * wanted
        return {
            "f1_micro": float(2 * hits.sum() / max(sums.sum(), 1.0)),
            "f1_macro": float(each.mean()),
            "loss": float(cells.mean()),
        }
