"""What an assessment starts from: rows with a model's outputs and the truth, and the rows the model learned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Scored", "TrainingRows"]


@dataclass(frozen=True)
class Scored:
    """N rows that a model has answered. Arrays may be memory-mapped.

    logits: `[N, C]`, before temperature; for numbers `[N, 1]`, in the targets' own units.
    targets: `[N]` class indices (-1: a label that the model does not know), `[N, C]` zeros and ones, or `[N]` numbers.
    texts: N texts.
    vectors: `[N, D]` in the backbone's space, for the nearest training rows.
    languages: N names (`zh`, `en`, `other`), for the slices.
    places: N words that say where each row stands in its file, shown beside an error.
    written: N labels as they stand in the file, for labels that the model does not know.
    """

    logits: NDArray[np.floating]
    targets: NDArray[Any]
    texts: Sequence[str]
    vectors: NDArray[np.floating] | None = None
    languages: Sequence[str] | None = None
    places: Sequence[str] | None = None
    written: Sequence[str] | None = None

    def __post_init__(self) -> None:
        rows = {len(self.logits), len(self.targets), len(self.texts)}
        rows |= {len(one) for one in (self.vectors, self.languages, self.places, self.written) if one is not None}
        if len(rows) != 1:
            raise ValueError(f"logits, targets, texts and the rest must be of the same rows, got {sorted(rows)}")

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class TrainingRows:
    """The rows a model learned from: texts, targets as in `Scored`, and, where kept, vectors `[N, D]`."""

    texts: Sequence[str]
    targets: NDArray[Any]
    vectors: NDArray[np.floating] | None = None
