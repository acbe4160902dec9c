"""How unlike everything known a question is: the unknown score of a customer service, and the chance that it is known.

Signs that need no fitted weights: the best cosine with a historical question, the best cosine with an answer, the most
n-grams shared with a question, and, of few questions, the share of words that anybody asked with. Of many it is how
close it lies to its neighbours beside how close they lie to theirs, and how clearly two answers are likelier than all
others. Each is measured in its own spread on held-out questions of the same language, since each language has a network
of its own, and they are added.

What unknown questions score is told by the held-out questions too: each is scored once more as if its own answer were
not there. Between the two lies a curve, the chance that a question of this score is known at all.

That chance is part of how sure an answer is, except where a risk budget governs: its threshold is chosen on questions
that all have an answer, and there the chance only blurs which answers are right. Of banking77, 2 % wrong allowed, 61 %
are then answered rather than 28 %. Unknown questions are kept out by the threshold of the unknown score alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from homefield.apps.support.understanding.recall import Found
from homefield.apps.support.understanding.weights import SIGNS, START, chances

__all__ = ["Strangeness"]

_PLACES = [SIGNS.index(name) for name in ("question", "answer", "question_words")]
_SIGNS = len(_PLACES) + 2
UNKNOWN = 0.2
"""Share of messages that no answer fits, which the curve takes for granted: held-out questions cannot tell it."""
_WIDTH = 0.3  # about that of each sign, of the sample shop
_CURVE, _HELD = np.array([2.2, 1.3]), 2.0
# About what is fitted on the sample shop, and how many questions' worth it weighs.
_TOGETHER = 2  # likeliest answers, between which a customer may be asked to choose
_SURE = 1e-4  # a chance that is as good as none
_ODDS = 1.0  # narrowest spread of how clear answers are: some three times the odds
OWN = 20  # held-out questions of a language from which it has a spread of its own


@dataclass(frozen=True)
class Spread:
    """Of each sign `[S]`, the median and the distance from the 10 % to the 90 % quantile."""

    middle: NDArray[np.float64]
    width: NDArray[np.float64]

    @classmethod
    def of(cls, signs: NDArray[np.float64]) -> Spread:
        """Of questions `[N, S]`."""
        low, middle, high = np.quantile(signs, [0.1, 0.5, 0.9], axis=0)
        # Of a handful of questions the spread is luck: it is no narrower than a share of a usual one.
        width = np.maximum(high - low, _WIDTH / max(1.0, len(signs) / 5))
        # Where every answer is clear, one that is a little less so is nothing strange.
        width[_SIGNS - 1 :] = np.maximum(width[_SIGNS - 1 :], _ODDS)
        return cls(middle, width)

    @classmethod
    def read(cls, written: Mapping[str, Any]) -> Spread:
        """What `as_json` gave."""
        return cls(*(np.array(written[name], dtype=np.float64) for name in ("middle", "width")))

    def as_json(self) -> dict[str, Any]:
        """What `read` reads."""
        return {"middle": self.middle.tolist(), "width": self.width.tolist()}

    def score(self, signs: NDArray[np.float64]) -> float:
        """Of one question's signs, of which the first S are counted."""
        return float(((self.middle - signs[: len(self.middle)]) / self.width).sum())


@dataclass(frozen=True)
class Strangeness:
    """spread: of all questions; own: of those of a language. curve: offset and slope of the chance to be known; none:
    every question is taken for known. counts: whether that chance is part of how sure an answer is."""

    spread: Spread
    curve: NDArray[np.float64] | None = None
    own: Mapping[str, Spread] = field(default_factory=lambda: MappingProxyType({}))
    counts: bool = True

    @classmethod
    def fit(
        cls,
        asked: Sequence[Found],
        matters: Sequence[int],
        weights: NDArray[np.float64] = START,
        *,
        many: bool = False,
        counts: bool = True,
    ) -> Strangeness:
        """On questions whose answers are known but that are not among those that are found. matters: the right ones;
        weights: of the signs that speak for an answer; many: whether questions are."""
        signs = _SIGNS if many else _SIGNS - 1  # of few questions even known ones leave several answers likely
        if not asked:
            return cls(Spread(np.zeros(signs), np.ones(signs)), counts=counts)
        known, languages = _best(asked, weights)[:, :signs], np.array([each.language for each in asked])
        names, rows = np.unique(languages, return_counts=True)
        own = {str(name): Spread.of(known[languages == name]) for name in names[rows >= OWN]}
        without = cls(Spread.of(known), None, own, counts)
        strange = without.score([each.without(matter) for each, matter in zip(asked, matters, strict=True)], weights)
        return replace(without, curve=_curve(without.score(asked, weights), strange))

    def score(self, found: Sequence[Found], weights: NDArray[np.float64] = START) -> NDArray[np.float64]:
        """`[N]`, higher for stranger questions; about 0 for a usual one."""
        spreads = [self.own.get(each.language, self.spread) for each in found]
        return np.array([spread.score(signs) for spread, signs in zip(spreads, _best(found, weights), strict=True)])

    def known(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The chance that questions with these scores `[N]` have an answer, `[N]`."""
        if self.curve is None:
            return np.ones(len(scores))
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * (self.curve[0] - self.curve[1] * scores))))

    def share(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the chance of an answer is multiplied by for questions with these scores, `[N]`."""
        return self.known(scores) if self.counts else np.ones(len(scores))

    def as_json(self) -> dict[str, Any]:
        """What `of` reads."""
        own = {name: spread.as_json() for name, spread in self.own.items()}
        curve = None if self.curve is None else self.curve.tolist()
        return {**self.spread.as_json(), "curve": curve, "own": own, "counts": self.counts}

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Strangeness:
        """What `as_json` gave; releases of before have no curve, or one spread for all."""
        curve = written.get("curve")
        own = {name: Spread.read(spread) for name, spread in written.get("own", {}).items()}
        bent = None if curve is None else np.array(curve, dtype=np.float64)
        return cls(Spread.read(written), bent, own, bool(written.get("counts", True)))


def _best(found: Sequence[Found], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = []
    for each in found:
        likeliest = float(np.sort(chances(each.signs, weights))[-_TOGETHER:].sum())
        clear = np.log((likeliest + _SURE) / (1.0 - likeliest + _SURE))
        rows.append([*each.signs[:, _PLACES].max(axis=0, initial=-1.0), each.familiar, clear])
    return np.array(rows) if rows else np.empty((0, _SIGNS))


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
