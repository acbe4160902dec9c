"""How unlike everything known a question is: the unknown score of a customer service.

Three signs that need no fitted weights: the best cosine with a historical question, the best cosine with an answer, and
the most words shared with a question. Each is measured in its own spread on validation questions, and they are added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.understanding.recall import Found
from homefield.apps.support.understanding.weights import SIGNS

__all__ = ["Strangeness"]

_PLACES = [SIGNS.index(name) for name in ("question", "answer", "question_words")]
# hwu64, 43 of 64 intents known (seed 0), inputs of the others rejected where 90 % of the known are kept: these three
# 78.6 %, the nearest question alone 72.0, energy of the head 70.7, relative Mahalanobis distance with energy 66.7.


@dataclass(frozen=True)
class Strangeness:
    """middle, width: of each sign `[3]`, the median and the distance from the 10 % to the 90 % quantile."""

    middle: NDArray[np.float64]
    width: NDArray[np.float64]

    @classmethod
    def fit(cls, known: Sequence[Found]) -> Strangeness:
        """On questions whose answers are known but that are not among those that are found."""
        if not known:
            return cls(np.zeros(len(_PLACES)), np.ones(len(_PLACES)))
        low, middle, high = np.quantile(_best(known), [0.1, 0.5, 0.9], axis=0)
        return cls(middle, np.maximum(high - low, 1e-3))

    def score(self, found: Sequence[Found]) -> NDArray[np.float64]:
        """`[N]`, higher for stranger questions; about 0 for a usual one."""
        return np.asarray(((self.middle - _best(found)) / self.width).sum(axis=1))

    def as_json(self) -> dict[str, Any]:
        """What `of` reads."""
        return {"middle": self.middle.tolist(), "width": self.width.tolist()}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Strangeness:
        """What `as_json` gave."""
        return cls(np.array(written["middle"], dtype=np.float64), np.array(written["width"], dtype=np.float64))


def _best(found: Sequence[Found]) -> NDArray[np.float64]:
    rows = [each.signs[:, _PLACES].max(axis=0) for each in found]
    return np.stack(rows) if rows else np.empty((0, len(_PLACES)))
