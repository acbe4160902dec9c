"""A number per record: squared error, R²."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor, nn

from homefield.data.dataset import LabelKind
from homefield.tasks.contract import Fault, Output, Targets
from homefield.tasks.heads import NumberHead

__all__ = ["Regress"]


@dataclass(frozen=True)
class Regress:
    """Squared error in units of the training targets' spread; the head puts out the targets' own units."""

    centre: float = 0.0
    spread: float = 1.0

    name: ClassVar[str] = "regress"
    roles: ClassVar[tuple[str, ...]] = ("text", "label")
    label_kind: ClassVar[LabelKind] = "number"
    output: ClassVar[Output] = "number"
    metric: ClassVar[str] = "r2"
    metrics: ClassVar[Mapping[str, bool]] = MappingProxyType({"r2": False, "rmse": True, "mae": True, "loss": True})
    margin: ClassVar[float] = 0.005
    baseline: ClassVar[str] = "tfidf_linear"

    def check(self, column: pl.Series, labels: Sequence[str]) -> list[Fault]:
        """See `Task.check`."""
        del labels
        bad = ~column.cast(pl.Float64, strict=False).fill_null(float("nan")).is_finite()
        faults = []
        if bad.any():
            rows = ", ".join(str(int(place) + 1) for place in bad.arg_true()[:5])
            faults.append(Fault("tasks.target_not_finite", {"count": int(bad.sum()), "rows": rows}))
        elif column.n_unique() < 2:
            faults.append(Fault("tasks.one_number", {"value": column[0] if len(column) else "-"}))
        return faults

    def size(self, labels: Sequence[str]) -> int:
        """See `Task.size`."""
        del labels
        return 1

    def targets(self, column: pl.Series, labels: Sequence[str]) -> Targets:
        """Numbers `[N, 1]`."""
        del labels
        return np.ascontiguousarray(column.cast(pl.Float64).to_numpy(), dtype=np.float32)[:, None]

    def fit(self, targets: Targets) -> Self:
        """See `Task.fit`."""
        return replace(self, centre=float(targets.mean()), spread=float(targets.std()) or 1.0)

    def head(self, width: int, size: int, dropout: float) -> nn.Module:
        """See `Task.head`."""
        return NumberHead(width, size, dropout, self.centre, self.spread)

    def loss(self, produced: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """See `Task.loss`: outputs and numbers, both `[B, 1]`."""
        error = (produced.float() - targets) / self.spread
        return error.square().sum(), error.new_tensor(float(error.numel()))

    def measure(self, produced: NDArray[np.float32], targets: Targets) -> dict[str, Any]:
        """See `Task.measure`: R², root mean squared and mean absolute error in the targets' units."""
        error = produced.astype(np.float64) - targets
        total = float(np.square(targets - targets.mean()).sum())
        squares = float(np.square(error).sum())
        return {
            "r2": 1 - squares / total if total else 0.0,
            "rmse": float(np.sqrt(np.square(error).mean())),
            "mae": float(np.abs(error).mean()),
            "loss": float(np.square(error / self.spread).mean()),
        }
