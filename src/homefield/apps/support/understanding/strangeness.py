"""How unlike everything known a question is: the unknown score of a customer service, and the chance that it is known.

Four signs that need no fitted weights: the best cosine with a historical question, the best cosine with an answer, the
most n-grams shared with a question, and, of few questions, the share of words that anybody asked with. Each is measured
in its own spread on questions that were held out, and they are added.

What unknown questions score is told by the held-out questions too: each is scored once more as if its own answer were
not there. Between the two lies a curve, the chance that a question of this score is known at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from homefield.apps.support.understanding.recall import Found
from homefield.apps.support.understanding.weights import SIGNS

__all__ = ["Strangeness"]

_PLACES = [SIGNS.index(name) for name in ("question", "answer", "question_words")]
_SIGNS = len(_PLACES) + 1
UNKNOWN = 0.2
"""Share of messages that no answer fits, which the curve takes for granted: held-out questions cannot tell it."""
_WIDTH = 0.3  # about that of each sign, of the sample shop
_CURVE, _HELD = np.array([2.2, 1.3]), 2.0
# About what is fitted on the sample shop, and how many questions' worth it weighs.


@dataclass(frozen=True)
class Strangeness:
    """middle, width: of each sign `[4]`, the median and the distance from the 10 % to the 90 % quantile. curve: offset
    and slope of the chance to be known; none: every question is taken for known."""

    middle: NDArray[np.float64]
    width: NDArray[np.float64]
    curve: NDArray[np.float64] | None = None

    @classmethod
    def fit(cls, asked: Sequence[Found], matters: Sequence[int]) -> Strangeness:
        """On questions whose answers are known but that are not among those that are found. matters: the right ones."""
        if not asked:
            return cls(np.zeros(_SIGNS), np.ones(_SIGNS))
        known = _best(asked)
        low, middle, high = np.quantile(known, [0.1, 0.5, 0.9], axis=0)
        # Of a handful of questions the spread is luck: it is no narrower than a share of a usual one.
        spread = cls(middle, np.maximum(high - low, _WIDTH / max(1.0, len(known) / 5)))
        strange = spread.score([each.without(matter) for each, matter in zip(asked, matters, strict=True)])
        return cls(spread.middle, spread.width, _curve(spread.score(asked), strange))

    def score(self, found: Sequence[Found]) -> NDArray[np.float64]:
        """`[N]`, higher for stranger questions; about 0 for a usual one."""
        return np.asarray(((self.middle - _best(found)[:, : len(self.middle)]) / self.width).sum(axis=1))

    def known(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance that questions with these scores `[N]` have an answer, `[N]`."""
        if self.curve is None:
            return np.ones(len(scores))
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * (self.curve[0] - self.curve[1] * scores))))

    def as_json(self) -> dict[str, Any]:
        """What `of` reads."""
        curve = None if self.curve is None else self.curve.tolist()
        return {"middle": self.middle.tolist(), "width": self.width.tolist(), "curve": curve}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Strangeness:
        """What `as_json` gave; releases of before have three signs and no curve."""
        middle, width = (np.array(written[name], dtype=np.float64) for name in ("middle", "width"))
        curve = written.get("curve")
        return cls(middle, width, None if curve is None else np.array(curve, dtype=np.float64))


def _best(found: Sequence[Found]) -> NDArray[np.float64]:
    rows = [np.append(each.signs[:, _PLACES].max(axis=0, initial=-1.0), each.familiar) for each in found]
    return np.stack(rows) if rows else np.empty((0, _SIGNS))


def _curve(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> NDArray[np.float64]:
    """Offset and slope of a logistic curve (Platt 1999), `UNKNOWN` of all weight on the unknown, held near `_CURVE`."""
    scores = np.concatenate([known, unknown])
    truth = np.repeat([1.0, 0.0], [len(known), len(unknown)])
    weight = np.repeat([2 * (1 - UNKNOWN), 2 * UNKNOWN], [len(known), len(unknown)])

    def loss(curve: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        reached = curve[0] - curve[1] * scores
        value = float((weight * (np.logaddexp(0.0, reached) - truth * reached)).sum())
        slope = weight * (0.5 * (1.0 + np.tanh(0.5 * reached)) - truth)
        off = curve - _CURVE
        gradient = np.array([slope.sum(), -(slope * scores).sum()]) + 2 * _HELD * off
        return value + _HELD * float(np.square(off).sum()), gradient

    fitted = minimize(loss, _CURVE, jac=True, method="L-BFGS-B", bounds=[(None, None), (0.0, None)])
    return np.asarray(fitted.x)
