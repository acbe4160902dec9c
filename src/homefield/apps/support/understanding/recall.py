"""Which matters a question could be about, and what speaks for each: the same code when weights are fitted and when a
customer waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from homefield.apps.support.history import question_in
from homefield.apps.support.understanding.density import Density
from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.vocabulary import Vocabulary
from homefield.apps.support.understanding.weights import SIGNS
from homefield.data.language import language_of
from homefield.index import VectorIndex

__all__ = ["Found", "Head", "Live", "Recall"]

QUESTIONS, ANSWERS, WORDS = 40, 10, 20  # nearest ones that become candidates
# The share of a question's own reading. Of the answers given to 36 follow-ups and 111 questions on another topic, in 80
# held-out dialogues of the sample shop, 37 and 50 % were wrong with the other reading alone; with both 5 and 8 %.
_ALONE = 0.7
_WARMTH = 0.05  # of the votes: a question whose cosine is so much lower has a vote e times smaller
_LEAST = 0.01  # vote that a matter without any is given

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Head:
    """A linear layer on vectors of length 1: weights `[D, M]`, bias `[M]`, an output for each matter, -inf for one that
    no question led to."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def __call__(self, vector: Vectors, matters: NDArray[np.int64]) -> NDArray[np.float64]:
        """Of one vector `[D]` its outputs for C matters, `[C]`; -inf for those that came after it was fitted."""
        found = np.full(len(matters), -np.inf)
        inside = matters < len(self.bias)
        own = matters[inside]  # of thousands of matters few are candidates, and all of them do not fit the cache
        found[inside] = vector @ self.weights[:, own] + self.bias[own]
        return found


@dataclass(frozen=True)
class Found:
    """Of one question the candidates. matters: places `[M]`. signs: `[M, 6]`, see `weights.SIGNS`. nearest: places of
    historical questions, nearest first, with their cosines. familiar: the share of its words that people ask with, or
    what `Density.known` says. language: of the question."""

    matters: NDArray[np.int64]
    signs: NDArray[np.float64]
    nearest: tuple[tuple[int, float], ...]
    familiar: float = 1.0
    language: str = ""

    def without(self, matter: int) -> Found:
        """The same without a candidate, as if there were no such answer."""
        kept = self.matters != matter
        return replace(self, matters=self.matters[kept], signs=self.signs[kept])


@dataclass(frozen=True)
class Live:
    """L questions that were learned since the release was made: vectors `[L, D]`, matters `[L]`, words `[L, F]`.

    replaced: places of historical questions that say otherwise; they count no more.
    """

    vectors: Vectors
    matters: NDArray[np.int64]
    words: csr_matrix
    replaced: frozenset[int] = field(default_factory=frozenset)


class Recall:
    """Finds candidates. Safe to use from several threads.

    Args:
        questions, answers: vectors under the places of questions and answers.
        question_matters, answer_matters: `[N]` and `[A]`, the place of each one's matter.
        lexicon: the same questions and answers as counted n-grams.
        head: of the matters that were there when it was fitted.
        familiar: the words of the same questions while they are few, how densely they lie where they are many.
        live: what was learned since; its places follow those of the questions.
    """

    def __init__(
        self,
        questions: VectorIndex,
        answers: VectorIndex,
        question_matters: NDArray[np.int64],
        answer_matters: NDArray[np.int64],
        lexicon: Lexicon,
        head: Head,
        familiar: Vocabulary | Density | None = None,
        live: Live | None = None,
    ) -> None:
        self.questions, self.answers = questions, answers
        self.question_matters, self.answer_matters = question_matters, answer_matters
        self.lexicon, self.head, self.familiar = lexicon, head, familiar
        self._live = live
        self._live_words = None if live is None else live.words.T.tocsr()
        self._all_matters = question_matters if live is None else np.concatenate([question_matters, live.matters])

    @property
    def matters_of_questions(self) -> NDArray[np.int64]:
        """The place of each question's matter, those learned since behind the others, `[N + L]`."""
        return self._all_matters

    def with_live(self, live: Live) -> Recall:
        """The same, and what was learned since."""
        return Recall(
            self.questions, self.answers, self.question_matters, self.answer_matters, self.lexicon, self.head,
            self.familiar, live,
        )  # fmt: skip

    def find(self, vectors: Vectors, texts: Sequence[str], alone: Vectors | None = None) -> list[Found]:
        """The candidates of B questions: their vectors `[B, D]` of length 1 and their texts, cleaned.

        alone: vectors of the questions without the earlier turns behind them; then both readings count.
        """
        found = self._read(vectors, texts)
        rows = [row for row, text in enumerate(texts) if question_in(text) != text]
        if rows and alone is not None:
            for row, each in zip(rows, self._read(alone[rows], [question_in(texts[row]) for row in rows]), strict=True):
                found[row] = _both(each, found[row])
        return found

    def _read(self, vectors: Vectors, texts: Sequence[str]) -> list[Found]:
        near = self.questions.search(vectors, QUESTIONS)
        told = self.answers.search(vectors, ANSWERS)
        words = self.lexicon.rows(texts)
        found = []
        for row in range(len(texts)):
            asked = self._with_live(near.ids[row], near.similarities[row].astype(np.float64), vectors[row])
            said = (told.ids[row], told.similarities[row].astype(np.float64))
            question = question_in(texts[row])
            each = self._found(asked, said, words[row], vectors[row])
            found.append(replace(each, familiar=self._familiar(question, *asked), language=language_of(question)))
        return found

    def _familiar(self, question: str, places: NDArray[np.int64], cosines: NDArray[np.float64]) -> float:
        if isinstance(self.familiar, Vocabulary):
            return self.familiar.known(question)
        return 1.0 if self.familiar is None else self.familiar.known(places, cosines)

    def _with_live(
        self, places: NDArray[np.int64], cosines: NDArray[np.float64], vector: Vectors
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The nearest questions, those learned since among them, without those that were replaced."""
        if self._live is None:
            return places, cosines
        if self._live.replaced:
            kept = np.array([place not in self._live.replaced for place in places.tolist()], dtype=np.bool_)
            places, cosines = places[kept], cosines[kept]
        own = self._live.vectors @ vector
        places = np.concatenate([places, len(self.question_matters) + np.arange(len(own))])
        cosines = np.concatenate([cosines, own.astype(np.float64)])
        order = np.argsort(-cosines, kind="stable")[:QUESTIONS]
        return places[order], cosines[order]

    def _found(
        self,
        near: tuple[NDArray[np.int64], NDArray[np.float64]],
        told: tuple[NDArray[np.int64], NDArray[np.float64]],
        words: csr_matrix,
        vector: Vectors,
    ) -> Found:
        near_matters, told_matters = self._all_matters[near[0]], self.answer_matters[told[0]]
        asked_words, asked_matters, said_words, said_matters = self._words(words, near[0], told[0])
        matters = np.unique(np.concatenate([near_matters, told_matters, asked_matters]))
        signs = np.zeros((len(matters), len(SIGNS)))
        signs[:, 0] = _highest(matters, near_matters, near[1], _last(near[1]))
        votes = np.exp((near[1] - near[1].max(initial=-1.0)) / _WARMTH)
        shares = np.bincount(np.searchsorted(matters, near_matters), votes, len(matters)) / max(votes.sum(), 1e-9)
        signs[:, 1] = np.log(shares + _LEAST)
        signs[:, 2] = _highest(matters, told_matters, told[1], _last(told[1]))
        signs[:, 3] = _highest(matters, asked_matters, asked_words, 0.0)
        signs[:, 4] = _highest(matters, said_matters, said_words, 0.0)
        signs[:, 5] = _told_by_head(self.head(vector, matters), signs[:, [0, 2]])
        if self._live is not None and len(near[0]) and near[0][0] >= len(self.question_matters):
            signs[:, 5] = 0.0  # nearest is what was learned since, of which the head knows nothing
        pairs = zip(near[0].tolist(), near[1].tolist(), strict=True)
        return Found(matters.astype(np.int64), signs, tuple((int(place), float(value)) for place, value in pairs))

    def _words(
        self, words: csr_matrix, near: NDArray[np.int64], told: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
        """Words shared with questions and with answers, and the matters of both."""
        asked = near[near < len(self.question_matters)]
        places, values = self.lexicon.questions.sharing(words, asked)
        # The nearest by meaning are compared too, though others share more words.
        also = np.isin(places, asked)
        also[np.argsort(-values, kind="stable")[:WORDS]] = True
        places, values = places[also], values[also]
        said, shared = self.lexicon.answers.sharing(words, told)
        if self._live is not None:
            kept = np.array([place not in self._live.replaced for place in places.tolist()], dtype=np.bool_)
            own = (words @ self._live_words).toarray()[0].astype(np.float64)
            some = np.flatnonzero(own)
            places = np.concatenate([places[kept], len(self.question_matters) + some])
            values = np.concatenate([values[kept], own[some]])
        return values, self._all_matters[places], shared, self.answer_matters[said]


def _told_by_head(outputs: NDArray[np.float64], near: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the head says of each candidate beside the best one: chances only compare them. near: how near each one's
    questions and its answer are, `[M, 2]`.

    One that nobody has asked about, or that was learned since, has no output. It is given the best of those that lie no
    nearer than it does, in one or the other: what was taught on another matter then takes nothing from the others.
    """
    known = np.isfinite(outputs)
    if not known.any():
        return np.zeros(len(outputs))
    found = outputs.copy()
    for place in np.flatnonzero(~known).tolist():
        below = outputs[known & (near <= near[place]).any(axis=1)]
        found[place] = below.max(initial=outputs[known].min())
    return np.asarray(found - outputs[known].max())


def _last(cosines: NDArray[np.float64]) -> float:
    """What is not among the nearest is no nearer than the last of them."""
    return float(cosines[-1]) if len(cosines) else 0.0


def _both(alone: Found, whole: Found) -> Found:
    """A question read alone and with what was said before."""
    matters = np.union1d(alone.matters, whole.matters)
    signs = np.zeros((len(matters), len(SIGNS)))
    for each, share in ((alone, _ALONE), (whole, 1.0 - _ALONE)):
        own = np.tile(each.signs.min(axis=0), (len(matters), 1))  # what is no candidate is no likelier than the least
        own[np.searchsorted(matters, each.matters)] = each.signs
        signs += share * own
    nearest = dict(alone.nearest)
    for place, cosine in whole.nearest:
        nearest[place] = max(cosine, nearest.get(place, cosine))
    ordered = sorted(nearest.items(), key=lambda pair: -pair[1])[:QUESTIONS]
    return replace(whole, matters=matters, signs=signs, nearest=tuple(ordered))


def _highest(
    matters: NDArray[np.int64], of: NDArray[np.int64], values: NDArray[np.float64], floor: float
) -> NDArray[np.float64]:
    """The highest of the values of each matter, `floor` where it has none. matters: ascending."""
    found = np.full(len(matters), -np.inf)
    places = np.searchsorted(matters, of)
    places[places == len(matters)] = 0
    inside = matters[places] == of if len(matters) else np.zeros(len(of), np.bool_)
    np.maximum.at(found, places[inside], values[inside])
    return np.where(np.isfinite(found), found, floor)
