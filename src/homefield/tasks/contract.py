"""What a task is to the rest of the program: what it reads, what it predicts, what it is punished for.

The training loop knows nothing but this contract. A loss is a pair (sum, weight), never a mean, so that micro-batches,
ranks and rows of unequal weight add up to the mean of the whole step. How pairs, sequences, labels per token, boxes,
adversaries and decoders fit in stands in `docs/decisions/0004-task-contract.md`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray
from torch import Tensor, nn

from homefield.data.dataset import LabelKind

__all__ = ["Fault", "Output", "Targets", "Task"]

Output = Literal["category", "categories", "number", "vector"]
Targets = NDArray[np.int64] | NDArray[np.float32]


@dataclass(frozen=True)
class Fault:
    """Why the targets cannot be learned: `code` is a message key, `values` fill it."""

    code: str
    values: Mapping[str, object]


class Task(Protocol):
    """One kind of thing to learn.

    Instances are immutable; `fit` returns one that knows the training targets (class weights, mean and spread).
    """

    name: ClassVar[str]
    roles: ClassVar[tuple[str, ...]]
    label_kind: ClassVar[LabelKind]
    output: ClassVar[Output]
    metric: ClassVar[str]
    """The headline metric, a key of `metrics`."""
    metrics: ClassVar[Mapping[str, bool]]
    """What `measure` returns, and whether less of it is better."""
    margin: ClassVar[float]
    """How much worse than the model in use a challenger may be (lower 95 % limit), in units of `metric`."""
    baseline: ClassVar[str]

    def check(self, column: pl.Series, labels: Sequence[str]) -> list[Fault]:
        """Everything that makes this column of targets unusable for training."""
        ...

    def size(self, labels: Sequence[str]) -> int:
        """How many numbers the head puts out per record."""
        ...

    def targets(self, column: pl.Series, labels: Sequence[str]) -> Targets:
        """The column as an array, one row per record."""
        ...

    def fit(self, targets: Targets) -> Self:
        """This task, knowing the training targets."""
        ...

    def head(self, width: int, size: int, dropout: float) -> nn.Module:
        """A fresh head: `[B, width]` to `[B, size]`."""
        ...

    def loss(self, produced: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the losses of a batch and the weight it is to be divided by, both scalars (float32)."""
        ...

    def measure(self, produced: NDArray[np.float32], targets: Targets) -> dict[str, Any]:
        """Metrics of outputs `[N, size]`, ready for JSON; holds `metric` and `loss`."""
        ...
