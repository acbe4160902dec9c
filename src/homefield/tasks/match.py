"""Pairs of texts that are the same matter: vectors that lie close, and apart from everything else in the step.

A step's rows are learned from together, so its loss needs the vectors of all of them at once; `train.pairs` gives
them, at constant memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from homefield.data.dataset import LabelKind
from homefield.tasks.contract import Fault, Output, Targets
from homefield.tasks.heads import VectorHead

__all__ = ["Match", "PairStep"]


@dataclass(frozen=True)
class PairStep:
    """The B rows of a step as places among the n vectors that were made for it.

    text, other: `[B]`. same: `[B]`, whether a row's two texts are the same. negatives: `[B, H]`, mined wrong partners,
    -1 for none. matter: `[n]`, equal for texts that are known to be the same, directly or through others.
    """

    text: Tensor
    other: Tensor
    same: Tensor
    negatives: Tensor
    matter: Tensor


@dataclass(frozen=True)
class Match:
    """Contrast within the step, both ways, and a margin for labelled differences.

    With u, v vectors of length 1, t the temperature and C(i) the step's candidates not known to be the same matter as
    row i, a row that is the same costs the mean over both directions of
    `-log(exp(u_i v_i / t) / (exp(u_i v_i / t) + sum over j in C(i) of exp(u_i v_j / t)))` (InfoNCE: van den Oord et al.
    2018; in-batch negatives: Karpukhin et al. 2020). A row j that is different costs
    `log(1 + sum over same rows i of exp((u_j v_j - u_i v_i + apart) / t))`: no pair of the same matter may score less
    than `apart` above it (after CoSENT, Su 2022). The weight is the number of rows.
    """

    temperature: float = 0.05
    apart: float = 0.1

    name: ClassVar[str] = "match"
    roles: ClassVar[tuple[str, ...]] = ("text", "other", "same")
    label_kind: ClassVar[LabelKind] = "none"
    output: ClassVar[Output] = "vector"
    metric: ClassVar[str] = "mrr"
    metrics: ClassVar[Mapping[str, bool]] = MappingProxyType({
        "mrr": False, "recall_1": False, "recall_5": False, "recall_10": False, "auc": False, "accuracy": False,
        "loss": True,
    })  # fmt: skip
    margin: ClassVar[float] = 0.005
    baseline: ClassVar[str] = "tfidf_bm25"

    def check(self, column: pl.Series, labels: Sequence[str]) -> list[Fault]:
        """See `Task.check`: `column` is `same`, or any other where all pairs are the same."""
        del labels
        if column.dtype == pl.Boolean and len(column) and not column.any():
            return [Fault("tasks.none_same", {"count": len(column)})]
        return []

    def size(self, labels: Sequence[str]) -> int:
        """0: the vectors are as wide as the backbone's."""
        del labels
        return 0

    def targets(self, column: pl.Series, labels: Sequence[str]) -> Targets:
        """1 (the same) or 0 `[N]` of a column `same`; all 1 where it says nothing."""
        del labels
        if column.dtype != pl.Boolean:
            return np.ones(len(column), dtype=np.int64)
        return column.cast(pl.Int64).to_numpy()

    def fit(self, targets: Targets) -> Self:
        """Nothing is to be known of the training pairs."""
        del targets
        return self

    def head(self, width: int, size: int, dropout: float) -> nn.Module:
        """See `Task.head`: `[B, width]` to vectors of length 1 `[B, width]`."""
        del size
        return VectorHead(width, dropout)

    def loss(self, produced: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """As `contrast`, of `[2 B, D]`: the vectors of B texts, then those of their others; targets `[B]`."""
        count = len(targets)
        places = torch.arange(2 * count, device=produced.device)
        same = targets > 0
        matter = torch.cat([places[:count], torch.where(same, places[:count], places[count:])])
        none = places.new_full((count, 0), -1)
        return self.contrast(produced, PairStep(places[:count], places[count:], same, none, matter))

    def contrast(self, vectors: Tensor, step: PairStep) -> tuple[Tensor, Tensor]:
        """The sum of the losses of a step's rows and its weight, from the vectors `[n, D]` (float32, length 1)."""
        text, other = step.text[step.same], step.other[step.same]
        near = (vectors[step.text] * vectors[step.other]).sum(dim=1)
        mined = step.negatives[step.negatives >= 0]
        total = vectors.sum() * 0.0
        if len(text):
            forth = self._among(vectors, text, other, torch.unique(torch.cat([step.other, mined])), step.matter)
            back = self._among(vectors, other, text, torch.unique(step.text), step.matter)
            total = total + (forth + back) / 2
            if not bool(step.same.all()):
                gaps = (near[~step.same][:, None] - near[step.same][None, :] + self.apart) / self.temperature
                # A further 0 is the 1 within the logarithm.
                total = total + torch.logsumexp(F.pad(gaps, (1, 0)), dim=1).sum()
        return total, total.new_tensor(float(max(1, len(step.text) if len(text) else 0)))

    def _among(self, vectors: Tensor, asked: Tensor, right: Tensor, candidates: Tensor, matter: Tensor) -> Tensor:
        """The sum over rows of the cross-entropy of finding `right` among `candidates`."""
        scores = vectors[asked] @ vectors[candidates].T / self.temperature
        own = candidates[None, :] == right[:, None]
        known = (matter[candidates][None, :] == matter[asked][:, None]) & ~own
        return F.cross_entropy(scores.masked_fill(known, -torch.inf), own.int().argmax(dim=1), reduction="sum")

    def measure(self, produced: NDArray[np.float32], targets: Targets) -> dict[str, Any]:
        """See `Task.measure`: vectors of texts, then of others, `[2 N, D]`; targets `[N]`."""
        from homefield.evaluate.matching import match_numbers
        from homefield.evaluate.pairs import PairRows

        count = len(targets)
        places = np.arange(count)
        rows = np.stack([places, places + count, targets.astype(np.int64)], axis=1)
        strings = [str(place) for place in range(2 * count)]
        return match_numbers(produced, PairRows(strings, rows, bool((targets == 0).any())))
