"""From a trained network to everything a release decides by: index, head, weights, unknown score and thresholds.

Weights are fitted on validation questions asked of the training questions; the thresholds come from calibration
questions asked of what is shipped, training and validation questions. No calibration question is ever in the index.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.material import Material
from homefield.apps.support.understanding.recall import Found, Head, Recall
from homefield.apps.support.understanding.release import Contents
from homefield.apps.support.understanding.strangeness import Strangeness
from homefield.apps.support.understanding.weights import chances, fit_weights
from homefield.evaluate.risk import risk_threshold
from homefield.index import index_for
from homefield.serve import Matcher

__all__ = ["Asking", "Fitted", "Held", "ask", "fit", "held_of"]

ENOUGH = 5  # questions a matter from which a fitted head knows more than the mean of its vectors
FITTED = 20_000_000  # questions times matters up to which a head is fitted: some seconds
WEIGHED = 5_000  # validation questions that weights are fitted on at most
WARM = 20.0  # what a cosine with a matter's mean is multiplied by, where no head is fitted
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Held:
    """Questions of a split with their vectors. texts: cleaned, as the network reads them."""

    texts: Sequence[str]
    questions: Sequence[str]
    matters: NDArray[np.int64]
    vectors: Vectors

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Asking:
    """What came of N held-out questions. best: place of the matter that is likeliest `[N]`. confidence, unknown: `[N]`.
    rank: of the right matter, 1 the first, 0 where it is no candidate."""

    best: NDArray[np.int64]
    confidence: NDArray[np.float64]
    unknown: NDArray[np.float64]
    rank: NDArray[np.int64]


@dataclass(frozen=True)
class Fitted:
    """A release's contents and the numbers of its manifest. right, plain: whether the likeliest answer to each
    calibration question is right, and the one of the question that shares most words."""

    contents: Contents
    weights: NDArray[np.float64]
    facts: Mapping[str, Any]
    calibration: Asking
    right: NDArray[np.bool_]
    plain: NDArray[np.bool_]


def held_of(matcher: Matcher, texts: Sequence[str], questions: Sequence[str], matters: Sequence[int]) -> Held:
    """Encode the questions of a split."""
    return Held(texts, questions, np.asarray(matters, dtype=np.int64), matcher.encode(texts))


def fit(
    material: Material,
    matcher: Matcher,
    train: Held,
    validation: Held,
    calibration: Held,
    answers: Mapping[str, str],
    *,
    risk: float | None,
    kept: float,
) -> Fitted:
    """Fit everything. answers: id -> text as the network reads it. risk: highest share of wrong automatic answers.
    kept: share of known questions that the unknown score lets through."""
    told = _told(material, matcher, answers)
    head = _head(train, len(material.matters))
    first = _recall(train, told, head)
    found = first.find(validation.vectors[:WEIGHED], validation.texts[:WEIGHED]) if len(validation) else []
    right = [_place(each, matter) for each, matter in zip(found, validation.matters[:WEIGHED].tolist(), strict=True)]
    weights = fit_weights([each.signs for each in found], right)
    unknown = Strangeness.fit(found)
    shipped = _joined(train, validation)
    recall = _recall(shipped, told, head)
    asked = ask(recall, unknown, weights, calibration)
    strange = np.inf
    if len(calibration):  # just above the strangest that is kept
        strange = float(np.nextafter(np.quantile(asked.unknown, kept, method="higher"), np.inf))
    facts: dict[str, Any] = {
        "weights": [round(float(each), 6) for each in weights],
        "unknown": {
            "threshold": strange if len(calibration) else None,
            "kept": kept,
            "rows": len(calibration),
            **unknown.as_json(),
        },
        "risk": None,
        "calibration": {"rows": len(calibration), **_numbers(asked, calibration.matters)},
    }
    right = asked.best == calibration.matters
    plain = shipped.matters[recall.lexicon.nearest(calibration.texts)] == calibration.matters
    if risk is not None:
        sure = np.where(asked.unknown < strange, asked.confidence, 0.0)
        facts["risk"] = risk_threshold(sure, right, risk=risk).as_json()
    contents = Contents(material.answers, material.matters, list(shipped.questions), tuple(answers), recall, unknown)
    return Fitted(contents, weights, facts, asked, right, plain)


def ask(recall: Recall, unknown: Strangeness, weights: NDArray[np.float64], held: Held) -> Asking:
    """Ask the questions of a split."""
    count = len(held)
    best, rank = np.full(count, -1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    confidence = np.zeros(count)
    every = recall.find(held.vectors, held.texts) if count else []
    for row, found in enumerate(every):
        likely = chances(found.signs, weights)
        order = np.argsort(-likely, kind="stable")
        best[row], confidence[row] = found.matters[order[0]], likely[order[0]]
        place = np.flatnonzero(found.matters[order] == held.matters[row])
        rank[row] = int(place[0]) + 1 if len(place) else 0
    return Asking(best, confidence, unknown.score(every), rank)


def _numbers(asked: Asking, matters: NDArray[np.int64]) -> dict[str, float | None]:
    if not len(matters):
        return {"recall_1": None, "recall_5": None, "mrr": None}
    there = asked.rank > 0
    return {
        "recall_1": float((asked.rank == 1).mean()),
        "recall_5": float((there & (asked.rank <= 5)).mean()),
        "mrr": float(np.where(there, 1.0 / np.maximum(asked.rank, 1), 0.0).mean()),
    }


def _told(material: Material, matcher: Matcher, answers: Mapping[str, str]) -> Held:
    place = {answer: number for number, matter in enumerate(material.matters) for answer in matter.answers}
    return held_of(matcher, list(answers.values()), list(answers), [place[name] for name in answers])


def _recall(asked: Held, told: Held, head: Head) -> Recall:
    indexes = []
    for held in (asked, told):
        index = index_for(held.vectors.shape[1], len(held))
        index.add(np.arange(len(held), dtype=np.int64), held.vectors)
        indexes.append(index)
    lexicon = Lexicon.of(asked.texts, told.texts)
    return Recall(indexes[0], indexes[1], asked.matters, told.matters, lexicon, head)


def _joined(one: Held, other: Held) -> Held:
    if not len(other):
        return one
    return Held(
        [*one.texts, *other.texts],
        [*one.questions, *other.questions],
        np.concatenate([one.matters, other.matters]),
        np.concatenate([one.vectors, other.vectors]),
    )


def _head(train: Held, matters: int) -> Head:
    """Fitted where there are questions enough of each matter, else each matter's mean vector, as `WARM` cosines."""
    asked = np.unique(train.matters)
    if len(asked) > 1 and ENOUGH * matters <= len(train) <= FITTED / matters:
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=30.0, max_iter=200).fit(train.vectors, train.matters)
        weights = np.zeros((train.vectors.shape[1], matters), dtype=np.float32)
        bias = np.full(matters, -np.inf, dtype=np.float32)
        coefficients, offsets = model.coef_, model.intercept_
        if len(asked) == 2:
            coefficients, offsets = np.concatenate([-coefficients, coefficients]), np.concatenate([-offsets, offsets])
        weights[:, asked], bias[asked] = coefficients.T, offsets
        return Head(weights, bias)
    sums = np.zeros((matters, train.vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, train.matters, train.vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    means = sums / np.where(lengths > 0, lengths, 1.0)
    bias = np.where(lengths[:, 0] > 0, 0.0, -np.inf)
    return Head(np.ascontiguousarray(WARM * means.T, dtype=np.float32), bias.astype(np.float32))


def _place(found: Found, matter: int) -> int:
    places = np.flatnonzero(found.matters == matter)
    return int(places[0]) if len(places) else -1
