"""From a trained network to everything a release decides by: index, head, weights, unknown score and thresholds.

Where questions are many, weights are fitted on validation questions asked of the training questions, and thresholds
come from calibration questions asked of what is shipped, training and validation questions.

Where they are few, none is spared: all are shipped. The calibration questions fall into folds (a dialogue and
near-duplicates in one), and each fold is asked of everything but itself, with weights fitted on the other folds. So
thresholds still come from questions that neither the network, nor the index, nor the weights have seen, and what is
shipped knows a little more than what was judged (cross-fitting, as in Barber, Candès, Ramdas & Tibshirani 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homefield.apps.support.history import question_in
from homefield.apps.support.understanding.density import Density
from homefield.apps.support.understanding.encoding import Encoder
from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.material import Material
from homefield.apps.support.understanding.recall import Found, Head, Recall
from homefield.apps.support.understanding.release import Contents
from homefield.apps.support.understanding.splits import Taught
from homefield.apps.support.understanding.strangeness import Strangeness
from homefield.apps.support.understanding.vocabulary import Vocabulary
from homefield.apps.support.understanding.weights import chances, fit_weights
from homefield.evaluate.risk import risk_threshold
from homefield.index import index_for

__all__ = ["Asking", "Fitted", "Held", "ask", "fit", "held_of"]

ENOUGH = 5  # questions a matter from which a fitted head knows more than the mean of its vectors
FITTED = 20_000_000  # questions times matters up to which a head is fitted: some seconds
WEIGHED = 5_000  # validation questions that weights are fitted on at most
FOLDS = 5  # that few questions are judged in
WARM = 20.0  # what a cosine with a matter's mean is multiplied by, where no head is fitted
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Held:
    """Questions of a split with their vectors. texts: cleaned, as the network reads them. alone: vectors of the
    questions without earlier turns. groups: alike or of one dialogue where their number is."""

    texts: Sequence[str]
    questions: Sequence[str]
    matters: NDArray[np.int64]
    vectors: Vectors
    alone: Vectors
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.texts)

    def only(self, rows: NDArray[np.int64]) -> Held:
        """Some of them."""
        return Held(
            [self.texts[row] for row in rows.tolist()],
            [self.questions[row] for row in rows.tolist()],
            self.matters[rows],
            self.vectors[rows],
            self.alone[rows],
            self.groups[rows],
        )


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


@dataclass(frozen=True)
class _Ways:
    """What is fitted on held-out questions: the weights of the signs, and what is strange."""

    weights: NDArray[np.float64]
    unknown: Strangeness

    @classmethod
    def fit(cls, found: Sequence[Found], matters: Sequence[int], *, many: bool, risk: float | None) -> _Ways:
        found, matters = found[:WEIGHED], matters[:WEIGHED]
        right = [_place(each, matter) for each, matter in zip(found, matters, strict=True)]
        weights = fit_weights([each.signs for each in found], right)
        return cls(weights, Strangeness.fit(found, matters, weights, many=many, counts=risk is None))


def held_of(encoder: Encoder, taught: Taught) -> Held:
    """Encode the questions of a split."""
    matters, groups = (np.asarray(each, dtype=np.int64) for each in (taught.matters, taught.groups))
    vectors = encoder.encode(taught.texts)
    alone = vectors.copy()
    if rows := [row for row, text in enumerate(taught.texts) if question_in(text) != text]:
        alone[rows] = encoder.encode([question_in(taught.texts[row]) for row in rows])
    return Held(taught.texts, taught.questions, matters, vectors, alone, groups)


def fit(
    material: Material,
    encoder: Encoder,
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
    told = _told(material, encoder, answers)
    known = _joined(train, validation)
    if len(validation):
        first = _recall(train, told, _head(train, len(material.matters)))
        some = validation.only(np.arange(min(WEIGHED, len(validation))))
        found = first.find(some.vectors, some.texts, some.alone)
        ways = _Ways.fit(found, some.matters.tolist(), many=True, risk=risk)
        # The head is of the training questions, as when the weights were fitted.
        shipped, recall = known, _recall(known, told, first.head)
        found, each = recall.find(calibration.vectors, calibration.texts, calibration.alone), [ways] * len(calibration)
        asked = _asking(found, each, calibration.matters)
        plain = known.matters[recall.lexicon.nearest(calibration.texts)] == calibration.matters
    else:
        asked, plain, ways = _crosswise(known, calibration, told, len(material.matters), risk)
        shipped = _joined(known, calibration)
        recall = _recall(shipped, told, _head(shipped, len(material.matters)), Vocabulary.of(shipped.questions))
    facts, right = _facts(asked, calibration, ways, risk=risk, kept=kept), asked.best == calibration.matters
    contents = Contents(
        material.answers, material.matters, list(shipped.questions), tuple(answers), recall, ways.unknown
    )
    return Fitted(contents, ways.weights, facts, asked, right, plain)


def ask(recall: Recall, unknown: Strangeness, weights: NDArray[np.float64], held: Held) -> Asking:
    """Ask the questions of a split."""
    found = recall.find(held.vectors, held.texts, held.alone) if len(held) else []
    return _asking(found, [_Ways(weights, unknown)] * len(held), held.matters)


def _crosswise(
    known: Held, held: Held, told: Held, matters: int, risk: float | None
) -> tuple[Asking, NDArray[np.bool_], _Ways]:
    """Ask every fold of `held` of everything but itself. What came of it, whether words alone find the right answer,
    and what is fitted on all folds together."""
    fold = _folds(held.groups)
    found: list[Found | None] = [None] * len(held)
    plain = np.zeros(len(held), dtype=np.bool_)
    for number in range(int(fold.max(initial=-1)) + 1):
        rows, others = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
        base, asked = _joined(known, held.only(others)), held.only(rows)
        recall = _recall(base, told, _head(base, matters), Vocabulary.of(base.questions))
        plain[rows] = base.matters[recall.lexicon.nearest(asked.texts)] == asked.matters
        for row, each in zip(rows.tolist(), recall.find(asked.vectors, asked.texts, asked.alone), strict=True):
            found[row] = each
    every = [each for each in found if each is not None]
    ways = []
    for number in range(int(fold.max(initial=-1)) + 1):
        others = np.flatnonzero(fold != number)
        ways.append(
            _Ways.fit([every[row] for row in others.tolist()], held.matters[others].tolist(), many=False, risk=risk)
        )
    asking = _asking(every, [ways[number] for number in fold.tolist()], held.matters)
    return asking, plain, _Ways.fit(every, held.matters.tolist(), many=False, risk=risk)


def _folds(groups: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each question, whole groups in one: at most `FOLDS`, as even as that allows."""
    names, own = np.unique(groups, return_inverse=True)
    sizes = np.bincount(own, minlength=len(names))
    filled, fold = np.zeros(FOLDS, dtype=np.int64), np.zeros(len(names), dtype=np.int64)
    for group in np.argsort(-sizes, kind="stable").tolist():
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    return fold[own]


def _asking(found: Sequence[Found], ways: Sequence[_Ways], matters: NDArray[np.int64]) -> Asking:
    """What came of questions, each judged in its own way."""
    count = len(found)
    best, rank = np.full(count, -1, dtype=np.int64), np.zeros(count, dtype=np.int64)
    confidence, strange = np.zeros(count), np.zeros(count)
    for row, (each, way) in enumerate(zip(found, ways, strict=True)):
        likely = chances(each.signs, way.weights)
        order = np.argsort(-likely, kind="stable")
        strange[row] = way.unknown.score([each], way.weights)[0]
        best[row], confidence[row] = each.matters[order[0]], likely[order[0]] * way.unknown.share(strange[[row]])[0]
        place = np.flatnonzero(each.matters[order] == matters[row])
        rank[row] = int(place[0]) + 1 if len(place) else 0
    return Asking(best, confidence, strange, rank)


def _facts(asked: Asking, held: Held, ways: _Ways, *, risk: float | None, kept: float) -> dict[str, Any]:
    """What the manifest says of weights, thresholds and calibration."""
    strange = np.inf
    if len(held):  # just above the strangest that is kept
        strange = float(np.nextafter(np.quantile(asked.unknown, kept, method="higher"), np.inf))
    promised = None
    if risk is not None:
        sure = np.where(asked.unknown < strange, asked.confidence, 0.0)
        promised = risk_threshold(sure, asked.best == held.matters, risk=risk).as_json()
    return {
        "weights": [round(float(each), 6) for each in ways.weights],
        "unknown": {
            "threshold": strange if len(held) else None,
            "kept": kept,
            "rows": len(held),
            **ways.unknown.as_json(),
        },
        "risk": promised,
        "calibration": {"rows": len(held), **_numbers(asked, held.matters)},
    }


def _numbers(asked: Asking, matters: NDArray[np.int64]) -> dict[str, float | None]:
    if not len(matters):
        return {"recall_1": None, "recall_5": None, "mrr": None}
    there = asked.rank > 0
    return {
        "recall_1": float((asked.rank == 1).mean()),
        "recall_5": float((there & (asked.rank <= 5)).mean()),
        "mrr": float(np.where(there, 1.0 / np.maximum(asked.rank, 1), 0.0).mean()),
    }


def _told(material: Material, encoder: Encoder, answers: Mapping[str, str]) -> Held:
    place = {answer: number for number, matter in enumerate(material.matters) for answer in matter.answers}
    texts, matters = tuple(answers.values()), tuple(place[name] for name in answers)
    return held_of(encoder, Taught(texts, texts, matters, tuple(range(len(texts)))))


def _recall(asked: Held, told: Held, head: Head, vocabulary: Vocabulary | None = None) -> Recall:
    """What is found among `asked` and `told`. vocabulary: of few; of many, how densely they lie is counted."""
    indexes = []
    for held in (asked, told):
        index = index_for(held.vectors.shape[1], len(held))
        index.add(np.arange(len(held), dtype=np.int64), held.vectors)
        indexes.append(index)
    lexicon = Lexicon.of(asked.texts, told.texts)
    familiar = vocabulary or Density.of(indexes[0], asked.vectors)
    return Recall(indexes[0], indexes[1], asked.matters, told.matters, lexicon, head, familiar)


def _joined(one: Held, other: Held) -> Held:
    if not len(other):
        return one
    return Held(
        [*one.texts, *other.texts],
        [*one.questions, *other.questions],
        np.concatenate([one.matters, other.matters]),
        np.concatenate([one.vectors, other.vectors]),
        np.concatenate([one.alone, other.alone]),
        np.concatenate([one.groups, other.groups]),
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
