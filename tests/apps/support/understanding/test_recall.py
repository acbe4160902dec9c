"""Candidates and what speaks for them, and the chances that follow: what holds for any vectors and words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from homefield.apps.support.understanding import texts as counted
from homefield.apps.support.understanding.density import Density
from homefield.apps.support.understanding.lexicon import Lexicon
from homefield.apps.support.understanding.recall import Found, Head, Live, Recall
from homefield.apps.support.understanding.strangeness import Strangeness
from homefield.apps.support.understanding.vocabulary import Vocabulary
from homefield.apps.support.understanding.weights import SIGNS, START, chances, fit_weights
from homefield.index import ExactIndex

ASKED = ("return a lamp", "send it back", "shipping abroad", "ship to France", "pay by card")
MATTERS = np.array([0, 0, 1, 1, 2])
SAID = ("You can return it.", "We ship everywhere.", "Cards are fine.", "Nobody asked for this.")


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


VECTORS = unit(np.array([[1.0, 0.1, 0], [1, 0.2, 0], [0, 1, 0.1], [0, 1, 0.2], [0, 0.1, 1]]))
TOLD = unit(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]))


def recall(words: Lexicon | None = None, vocabulary: Vocabulary | None = None) -> Recall:
    questions, answers = ExactIndex(3), ExactIndex(3)
    questions.add(np.arange(5), VECTORS)
    answers.add(np.arange(4), TOLD)
    bias = np.array([0, 0, 0, -np.inf], dtype=np.float32)
    head = Head(np.concatenate([5 * TOLD[:3].T, np.zeros((3, 1), np.float32)], axis=1), bias)
    return Recall(questions, answers, MATTERS, np.arange(4), words or Lexicon.of(ASKED, SAID), head, vocabulary)


@given(arrays(np.float64, (3,), elements=st.floats(-1, 1)).filter(lambda v: bool(np.linalg.norm(v) > 0.1)), st.text())
def test_signs_are_finite_and_chances_sum_to_one(vector: NDArray[np.float64], text: str) -> None:
    (found,) = recall().find(unit(vector[None]), [text])
    assert np.isfinite(found.signs).all()
    assert found.signs.shape == (len(found.matters), len(SIGNS))
    assert (np.diff(found.matters) > 0).all()
    assert chances(found.signs, START).sum() == pytest.approx(1.0)
    cosines = [cosine for _, cosine in found.nearest]
    assert cosines == sorted(cosines, reverse=True)


def test_the_nearest_question_decides_and_an_answer_nobody_asked_for_can_be_found() -> None:
    (found,) = recall().find(VECTORS[2:3], ["shipping abroad"])
    assert found.matters[chances(found.signs, START).argmax()] == 1
    (found,) = recall().find(TOLD[3:], ["Nobody asked for this."])
    assert 3 in found.matters
    assert found.signs[found.matters == 3, 5] == found.signs[:, 5].max()


def test_what_was_learned_since_replaces_what_says_otherwise() -> None:
    before = recall()
    live = Live(VECTORS[:1], np.array([2]), before.lexicon.rows(ASKED[:1]), frozenset({0}))
    after = before.with_live(live)
    (found,) = after.find(VECTORS[:1], [ASKED[0]])
    assert found.nearest[0] == (5, pytest.approx(1.0))
    assert 0 not in [place for place, _ in found.nearest]
    assert after.matters_of_questions[5] == 2
    assert (found.signs[:, 5] == 0).all()


def test_beyond_many_texts_words_are_compared_with_those_that_rare_ones_lead_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = recall(Lexicon.of(ASKED, SAID)).find(VECTORS, list(ASKED))
    monkeypatch.setattr(counted, "WHOLE", 2)
    some = recall(Lexicon.of(ASKED, SAID)).find(VECTORS, list(ASKED))
    for one, other in zip(whole, some, strict=True):
        np.testing.assert_allclose(one.signs, other.signs, atol=1e-6)


def test_a_rare_word_leads_to_its_question_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [f"how do i return the lamp {number:05} please" for number in range(2_000)]
    whole = Lexicon.of(asked, SAID)
    monkeypatch.setattr(counted, "WHOLE", 2)
    many = Lexicon.of(asked, SAID)
    assert many.nearest(asked[::97]).tolist() == whole.nearest(asked[::97]).tolist() == list(range(2_000))[::97]
    row, nothing = many.rows(["what about lamp 01234"]), np.empty(0, np.int64)
    places, cosines = many.questions.sharing(row, nothing)
    assert places[cosines.argmax()] == 1234
    exact = dict(zip(*(each.tolist() for each in whole.questions.sharing(row, nothing)), strict=True))
    assert cosines.tolist() == pytest.approx([exact[place] for place in places.tolist()], abs=1e-5)
    # What is asked for by its place is compared too, though it shares less; and a text without a word shares nothing.
    assert 7 in many.questions.sharing(row, np.array([7]))[0]
    assert many.questions.sharing(many.rows([""]), np.array([7]))[1].tolist() == [0.0]


def test_a_question_unlike_all_others_is_the_strangest() -> None:
    known = recall().find(VECTORS, list(ASKED))
    fitted = Strangeness.fit(known, MATTERS.tolist())
    (unlike,) = recall().find(unit(np.array([[-1.0, -1, 0.5]])), ["zzz"])
    assert fitted.score([unlike])[0] > fitted.score(known).max()
    back = Strangeness.of(fitted.as_json())
    assert back.score(known).tolist() == fitted.score(known).tolist()
    assert back.known(back.score(known)).tolist() == fitted.known(fitted.score(known)).tolist()
    assert Strangeness.fit([], []).score([]).shape == (0,)


@given(st.lists(st.floats(-20, 20), min_size=2, max_size=30), st.integers(0, 100))
def test_the_stranger_a_question_the_less_likely_is_it_known(scores: list[float], seed: int) -> None:
    random = np.random.default_rng(seed)
    asked = [Found(np.arange(3), random.uniform(-1, 1, (3, len(SIGNS))), (), random.uniform()) for _ in range(20)]
    fitted = Strangeness.fit(asked, random.integers(0, 4, 20).tolist())
    chance = fitted.known(np.sort(np.array(scores)))
    assert ((chance >= 0) & (chance <= 1)).all()
    assert (np.diff(chance) <= 0).all()


def test_a_question_is_strange_where_its_neighbours_lie_closer_to_each_other_than_to_it() -> None:
    random = np.random.default_rng(0)
    close, wide = (
        middle + spread * random.normal(size=(20, 8)) for middle, spread in ((np.eye(8)[0], 0.01), (np.eye(8)[1], 0.2))
    )
    vectors, index = unit(np.concatenate([close, wide])), ExactIndex(8)
    index.add(np.arange(40), vectors)
    density = Density.of(index, vectors)
    assert density is not None

    def known(vector: NDArray[np.float64]) -> float:
        near = index.search(unit(vector[None]), 40)
        return density.known(near.ids[0], near.similarities[0].astype(np.float64))

    aside = np.eye(8)[2]
    off, within = np.eye(8)[0] + 0.5 * aside, np.eye(8)[1] + 0.5 * aside
    assert known(off) < -1 < -0.3 < known(within) < 0.3
    assert density.known(np.array([40, 0]), np.array([0.99, 0.2])) == 0.0  # 40 was learned since
    assert np.array_equal(Density.of_arrays(density.arrays()).usual, density.usual)
    few = ExactIndex(8)
    few.add(np.arange(5), vectors[:5])
    assert Density.of(few, vectors[:5]) is None


def test_each_language_is_measured_in_its_own_spread() -> None:
    """Cosines of the one language lie so high that its strangest are above the other's most usual ones."""
    random = np.random.default_rng(0)
    asked = [
        Found(np.arange(2), np.tile([[near, 0, 0, 0, 0, 0]], (2, 1)), (), language=language)
        for language, middle in (("zh", 0.9), ("en", 0.5))
        for near in random.normal(middle, 0.02, 40)
    ]
    fitted = Strangeness.fit(asked, [0] * len(asked))
    scores = fitted.score(asked)
    assert abs(np.median(scores[:40]) - np.median(scores[40:])) < 0.1
    signs = np.tile([[0.7, 0, 0, 0, 0, 0]], (2, 1))
    strange = [replace(asked[0], signs=signs, language=language) for language in ("zh", "en")]
    assert fitted.score(strange)[0] > scores[:40].max() > scores[40:].min() > fitted.score(strange)[1]
    assert np.array_equal(Strangeness.of(fitted.as_json()).score(strange), fitted.score(strange))


def test_of_many_questions_one_is_strange_for_which_no_two_answers_stand_out() -> None:
    random = np.random.default_rng(0)
    weights = np.eye(len(SIGNS))[5]  # the head alone says which answer is likely

    def asked(*outputs: float) -> Found:
        signs = np.zeros((len(outputs), len(SIGNS)))
        signs[:, 5] = outputs
        return Found(np.arange(len(outputs)), signs, ())

    known = [asked(random.uniform(3, 8), *random.uniform(-1, 1, 4)) for _ in range(200)]
    clear, either, none = asked(6, 0, 0, 0, 0), asked(6, 6, 0, 0, 0), asked(0, 0, 0, 0, 0)
    many, few = (Strangeness.fit(known, [0] * 200, weights, many=many) for many in (True, False))
    scores = many.score([clear, either, none], weights)
    assert scores[2] > many.score(known, weights).max() > scores[:2].max()
    assert abs(scores[0] - scores[1]) < 0.2 * (scores[2] - scores[0])
    assert few.score([clear, either, none], weights).tolist() == [0.0, 0.0, 0.0]
    assert np.array_equal(Strangeness.of(many.as_json()).score(known, weights), many.score(known, weights))
    sure = [asked(random.uniform(20, 30), 0, 0, 0, 0) for _ in range(500)]
    (less,) = Strangeness.fit(sure, [0] * 500, weights, many=True).score([asked(8, 0, 0, 0, 0)], weights)
    assert less < 3


def test_a_release_of_before_takes_every_question_for_known() -> None:
    before = Strangeness.of({"middle": [0.7, 0.5, 0.3], "width": [0.2, 0.2, 0.2]})
    scores = before.score(recall().find(VECTORS, list(ASKED)))
    assert before.known(scores).tolist() == [1.0] * 5


def test_words_that_nobody_asked_with_make_a_question_unfamiliar() -> None:
    words = Vocabulary.of([*ASKED, "怎么退货"])
    assert words.known("Return a LAMP!") == words.known("退货") == pytest.approx(1.0)
    assert words.known("will snow fall") == words.known("下雨吗") == words.known("?!") == 0.0
    assert 0 < words.known("return a bicycle") < words.known("return a lamp")
    back = Vocabulary.of_arrays(words.arrays())
    assert back.known("return a bicycle") == words.known("return a bicycle")
    assert Vocabulary.of([]).known("return") == 0.0


def test_what_was_said_before_a_question_makes_it_no_more_familiar() -> None:
    one = recall(vocabulary=Vocabulary.of(ASKED))
    (found,) = one.find(VECTORS[:1], ["will snow fall <a> return a lamp"])
    assert found.familiar == 0.0


def test_a_question_counts_for_itself_more_than_with_what_was_said_before_it() -> None:
    text, before = "ship to France", "ship to France <a> You can return it. <c> return a lamp"
    whole = unit((VECTORS[0] + 0.6 * VECTORS[3])[None])  # what was said before outweighs the question
    (apart,) = recall().find(whole, [before])
    (both,) = recall().find(whole, [before], VECTORS[3:4])
    (alone,) = recall().find(VECTORS[3:4], [text], VECTORS[3:4])
    best = [one.matters[chances(one.signs, START).argmax()] for one in (apart, both, alone)]
    assert best == [0, 1, 1]
    cosines = [cosine for _, cosine in both.nearest]
    assert cosines == sorted(cosines, reverse=True)
    assert both.nearest[0] == (3, pytest.approx(1.0))
    (same,) = recall().find(VECTORS[3:4], [text])
    assert same.signs.tolist() == alone.signs.tolist()


def test_a_lexicon_comes_back_as_it_was_kept() -> None:
    kept = Lexicon.of(ASKED, SAID)
    back = Lexicon.of_arrays(kept.arrays())
    for one, other in ((kept.questions, back.questions), (kept.answers, back.answers)):
        assert one.values.tolist() == other.values.tolist()
        assert one.places.tolist() == other.places.tolist()
    assert kept.nearest(ASKED).tolist() == back.nearest(ASKED).tolist() == [0, 1, 2, 3, 4]


def test_without_validation_questions_the_weights_are_the_sensible_ones() -> None:
    assert fit_weights([], []).tolist() == START.tolist()
    assert fit_weights([np.ones((2, len(SIGNS)))], [-1]).tolist() == START.tolist()


@given(st.integers(0, 1000))
def test_fitted_weights_are_never_below_zero_and_no_less_likely(seed: int) -> None:
    random = np.random.default_rng(seed)
    asked = [random.normal(size=(int(random.integers(2, 6)), len(SIGNS))) for _ in range(20)]
    right = [int(random.integers(0, len(signs))) for signs in asked]
    fitted = fit_weights(asked, right)
    assert (fitted >= 0).all()

    def loss(weights: NDArray[np.float64]) -> float:
        return -sum(np.log(chances(signs, weights)[place] + 1e-300) for signs, place in zip(asked, right, strict=True))

    assert loss(fitted) <= loss(START) + 1e-6
