"""Ranks, same or different, what counted words reach, and what a cosine means."""

from __future__ import annotations

import json

import numpy as np
import pytest

from homefield.evaluate.matching import (
    assess_match,
    best_threshold,
    calibration_pairs,
    fit_same,
    match_numbers,
    match_ranks,
    metric_for,
)
from homefield.evaluate.metrics import auroc
from homefield.evaluate.pairs import pair_rows, view_rows
from homefield.evaluate.report.match import MatchReport, render_match_report, write_match_report
from homefield.evaluate.retrieval import fit_bm25, fit_tfidf
from homefield.evaluate.risk import risk_threshold
from homefield.evaluate.search import Search, rank, ranking_numbers

WORDS = ["card", "loan", "login", "refund", "parcel", "price", "garden", "window", "doctor", "bridge"]


def questions(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    random = np.random.default_rng(seed)
    pairs = [(f"my {a} and {b} number {n}", f"about {b} with the {a} number {n}") for n in range(count)
             for a, b in [random.choice(WORDS, 2, replace=False)]]  # fmt: skip
    return [one for one, _ in pairs], [two for _, two in pairs]


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_strings_stand_once_however_often_they_occur() -> None:
    pairs = pair_rows(["a", "b", "a"], ["b", "c", "a"], [True, False, True], ["f:1", "f:2", "f:3"])
    assert pairs.strings == ["a", "b", "c"]
    assert pairs.rows.tolist() == [[0, 1, 1], [1, 2, 0], [0, 0, 1]]
    assert pairs.names == ("f:1", "f:1", "f:2")
    assert pairs.others == ["b", "c", "a"]


def test_a_rank_is_that_of_the_first_right_candidate_without_the_text_itself() -> None:
    pairs = pair_rows(["q", "q", "r"], ["x", "y", "q"], [True, True, False])
    search = Search.of(pairs, ["z"])
    assert search.candidates == ["x", "y", "q", "z"]
    assert search.queries == ["q"]
    scores = np.array([[0.1, 0.5, 0.9, 0.7]], dtype=np.float32)
    ranked = rank(search, lambda places: scores[places])
    assert ranked.ranks.tolist() == [2]
    assert search.candidates[int(ranked.wrong[0])] == "z"


def test_a_ranker_that_scores_all_alike_is_last() -> None:
    texts, others = questions(30)
    search = Search.of(pair_rows(texts, others, None))
    ranked = rank(search, lambda places: np.zeros((len(places), len(search.candidates)), dtype=np.float32))
    assert set(ranked.ranks.tolist()) == {len(search.candidates)}


def test_numbers_of_ranks_are_their_definitions() -> None:
    found = ranking_numbers(np.array([1, 2, 10, 100]), 500)
    assert found["recall_1"] == 0.25
    assert found["recall_5"] == 0.5
    assert found["recall_10"] == 0.75
    assert found["mrr"] == pytest.approx((1 + 0.5 + 0.1 + 0.01) / 4)


@pytest.mark.parametrize("fit", [fit_tfidf, fit_bm25])
@pytest.mark.parametrize("chinese", [False, True])
def test_counted_words_find_what_shares_them(fit, chinese: bool) -> None:  # type: ignore[no-untyped-def]
    texts = (
        ["借呗怎么还款", "花呗额度多少", "忘记支付密码"]
        if chinese
        else ["repay my loan", "card limit", "lost password"]
    )
    others = (
        ["借呗如何提前还款", "花呗的额度是多少", "支付密码忘记了"]
        if chinese
        else ["loan repay early", "limit of card", "password lost"]
    )
    pairs = pair_rows(texts, others, None)
    counted = fit(pairs.strings)
    assert counted.rank(Search.of(pairs)).ranks.tolist() == [1, 1, 1]
    near, far = counted.pairs(texts, others), counted.pairs(texts, others[::-1])
    assert near[0] > far[0]


def test_texts_without_any_word_are_ranked_too() -> None:
    pairs = pair_rows(["!!", "??"], ["...", ";;"], None)
    for fit in (fit_tfidf, fit_bm25):
        assert len(fit(pairs.strings).rank(Search.of(pairs)).ranks) == 2


def test_the_best_threshold_makes_fewest_errors() -> None:
    random = np.random.default_rng(0)
    same = random.random(300) < 0.3
    scores = same * 0.3 + random.normal(0, 0.2, 300)
    best = ((scores >= best_threshold(scores, same)) == same).mean()
    assert best == max(((scores >= cut) == same).mean() for cut in [*scores, 9.0])


def test_the_curve_gives_probabilities_that_mean_what_they_say() -> None:
    random = np.random.default_rng(0)
    scores = random.uniform(-1, 1, 20_000)
    same = random.random(20_000) < 1 / (1 + np.exp(-(8 * scores - 2)))
    curve = fit_same(scores, same)
    assert curve is not None
    assert curve.slope == pytest.approx(8, rel=0.05)
    assert curve.offset == pytest.approx(-2, rel=0.1)
    assert float(curve(np.array([curve.threshold]))[0]) == pytest.approx(0.5)
    assert fit_same(scores, np.ones(20_000, dtype=bool)) is None


def test_a_curve_never_falls() -> None:
    curve = fit_same(np.array([0.9, 0.8, 0.1, 0.2]), np.array([False, False, True, True]))
    assert curve is not None
    assert curve.slope > 0


def test_without_labels_the_curve_is_fitted_on_partners_and_the_nearest_wrong() -> None:
    texts, others = questions(40)
    pairs = pair_rows(texts, others, None)
    made = unit(np.random.default_rng(0).normal(size=(len(pairs.strings), 16)))
    scores, same = calibration_pairs(pairs, made, match_ranks(pairs, made))
    assert int(same.sum()) == 40
    assert len(scores) == 80


def test_mrr_decides_where_texts_have_partners_and_auc_where_hardly_any_has() -> None:
    texts, others = questions(40)
    assert metric_for(pair_rows(texts, others, None)) == "mrr"
    assert metric_for(pair_rows(texts, others, [n < 35 for n in range(40)])) == "mrr"
    assert metric_for(pair_rows(texts, others, [n < 5 for n in range(40)])) == "auc"


def test_an_assessment_holds_what_its_parts_say(tmp_path) -> None:  # type: ignore[no-untyped-def]
    texts, others = questions(120)
    pairs = pair_rows(texts, [*others[:80], *others[:40]], [n < 80 for n in range(120)])
    random = np.random.default_rng(0)
    base = {text: random.normal(size=12) for text in others}
    near = dict(zip(texts[:80], others[:80], strict=True))
    rows = [base.get(near.get(text, text), random.normal(size=12)) + 0.4 * random.normal(size=12)
            for text in pairs.strings]  # fmt: skip
    made = unit(np.array(rows))
    scores, same = calibration_pairs(pairs, made, match_ranks(pairs, made))
    curve = fit_same(scores, same)
    risk = risk_threshold(np.linspace(0, 1, 300), np.ones(300, dtype=np.bool_), risk=0.05)
    found = assess_match(
        pairs, made, further=others[80:], further_vectors=unit(np.array([base[o] for o in others[80:]])),
        training=texts, curve=curve, threshold=0.5, risk=risk,
    )  # fmt: skip
    numbers = found.model.numbers
    assert numbers["queries"] == 80
    assert numbers["candidates"] == 120
    assert found.metric == "mrr"
    assert found.interval[0] < found.headline < found.interval[1]
    assert set(found.rivals) == {"tfidf", "bm25"}
    assert found.difference is not None
    assert found.rival is not None
    assert found.difference.mean == pytest.approx(found.headline - found.rivals[found.rival].numbers["mrr"])
    assert sum(rows for _, rows in found.histogram) == 80
    assert numbers["auc"] == auroc(scores, same)
    assert numbers["accuracy"] == pytest.approx(float(((scores >= 0.5) == same).mean()))
    assert found.tested is not None
    assert json.dumps(found.as_json(), allow_nan=False)
    page = render_match_report(MatchReport("A run", found), language="zh")
    assert "正确文本排在第几" in page
    assert "Where the right text stands" in page
    write_match_report(tmp_path / "report.html", MatchReport("A run", found))
    assert json.loads((tmp_path / "report.json").read_text())["assessment"]["rows"] == 120


def test_where_hardly_any_text_has_a_partner_the_difference_is_one_of_auc() -> None:
    texts, others = questions(120)
    pairs = pair_rows(texts, [*others[:20], *others[:100]], [n < 20 for n in range(120)])
    random = np.random.default_rng(0)
    made = unit(random.normal(size=(len(pairs.strings), 12)))
    found = assess_match(pairs, made, training=texts, threshold=0.5)
    assert found.metric == "auc"
    assert found.rival is not None
    assert found.difference is not None
    assert found.difference.mean == pytest.approx(found.headline - found.rivals[found.rival].numbers["auc"])
    assert found.difference.low < found.difference.mean < found.difference.high
    assert found.verdict == "worse"  # vectors by chance, beside counted words
    assert assess_match(pair_rows(texts, others, [False] * 120), made[:1].repeat(240, 0), training=[]).verdict is None


def test_texts_alone_are_asked_for_by_noisy_forms_of_themselves() -> None:
    texts = [f"a question about the {word} and number {n}" for n, word in enumerate(WORDS)]
    held_out, train = view_rows(texts, noisy=True), view_rows(texts, noisy=False)
    assert held_out.rows.tolist() == view_rows(texts, noisy=True).rows.tolist()
    assert held_out.others == texts
    assert train.strings == texts
    assert (train.rows[:, 0] == train.rows[:, 1]).all()
    found = match_numbers(unit(np.eye(len(held_out.strings))), held_out)
    assert found["queries"] == sum(
        text != form for text, form in zip(texts, [held_out.strings[r] for r in held_out.rows[:, 0]], strict=True)
    )
