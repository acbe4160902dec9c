"""The baseline learns what counting words can learn, in both scripts, and never fails on odd data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homefield.evaluate.baselines import majority, script_of, tfidf_linear
from homefield.evaluate.metrics import measure

EN = {
    "refund": ["money back please", "I want a refund", "return my payment"],
    "card": ["my card is lost", "card broken", "new card"],
}
ZH = {"退款": ["我要退款", "把钱退给我", "怎么申请退钱"], "快递": ["快递到哪了", "什么时候发货", "包裹还没到"]}


def rows(classes: dict[str, list[str]], each: int = 8) -> tuple[list[str], np.ndarray]:
    texts = [f"{text} {number}" for texts in classes.values() for text in texts for number in range(each)]
    targets = np.repeat(np.arange(len(classes)), each * 3)
    return texts, targets


@pytest.mark.parametrize("classes", [EN, ZH, {**EN, **ZH}], ids=["en", "zh", "mixed"])
def test_it_learns_either_script_and_both_together(classes: dict[str, list[str]]) -> None:
    texts, targets = rows(classes)
    fitted = tfidf_linear(texts, targets, "category", len(classes))
    chances = fitted.scores([one for group in classes.values() for one in group])
    assert chances.shape == (3 * len(classes), len(classes))
    assert chances.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert (chances.argmax(axis=1) == np.repeat(np.arange(len(classes)), 3)).all()
    assert fitted.converged


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["hello there"] * 9, "latin"),
        (["你好"] * 9, "chinese"),
        (["hello"] * 5 + ["你好"] * 3, "mixed"),
        ([], "latin"),
        (["日本語のテキスト"], "chinese"),
    ],
)
def test_the_script_is_seen(texts: list[str], script: str) -> None:
    assert script_of(texts) == script


def test_it_learns_several_labels_a_row() -> None:
    texts, single = rows({**EN, **ZH})
    truth = np.eye(4, dtype=np.float32)[single]
    truth[:, 0] = np.maximum(truth[:, 0], truth[:, 2])
    fitted = tfidf_linear(texts, truth, "categories", 4)
    assert ((fitted.scores(texts) > 0.5) == (truth > 0.5)).all(axis=1).mean() > 0.95


def test_a_label_without_rows_or_on_every_row_is_never_and_not_learned() -> None:
    texts, targets = rows(EN)
    fitted = tfidf_linear(texts, targets * 2, "category", 4)
    assert (fitted.scores(["a card"])[0, [1, 3]] == 0).all()
    truth = np.zeros((len(texts), 3), dtype=np.float32)
    truth[:, 0] = targets
    truth[:, 2] = 1
    chances = tfidf_linear(texts, truth, "categories", 3).scores(texts)
    assert np.isfinite(chances).all()


def test_it_learns_numbers() -> None:
    texts = [f"worth {'much ' * (row % 7)}indeed" for row in range(200)]
    truth = np.array([row % 7 for row in range(200)], dtype=np.float64)
    fitted = tfidf_linear(texts, truth[:, None], "number", 1)
    assert measure(fitted.scores(texts), truth, "number")["r2"] > 0.9


def test_probabilities_are_calibrated_on_rows_it_did_not_learn_from() -> None:
    random = np.random.default_rng(0)
    words = [f"w{index}" for index in range(60)]
    targets = random.integers(0, 3, 1200)
    texts = [" ".join(random.choice(words[20 * t if random.random() < 0.5 else 0 : 60], 5)) for t in targets]
    for validation in (None, (texts[900:1050], targets[900:1050])):
        fitted = tfidf_linear(texts[:900], targets[:900], "category", 3, validation=validation)
        found = measure(fitted.scores(texts[1050:]), targets[1050:], "category", "abc")
        assert found["ece"] < 0.15


def test_of_many_rows_a_sample_is_used_and_said_so() -> None:
    texts, targets = rows(EN, each=40)
    fitted = tfidf_linear(texts, targets, "category", 2, most_rows=100)
    assert (fitted.rows, fitted.given) == (100, 240)


def test_the_same_seed_gives_the_same_scores() -> None:
    texts, targets = rows({**EN, **ZH})
    first, second = (tfidf_linear(texts, targets, "category", 4, seed=3).scores(texts) for _ in range(2))
    assert (first == second).all()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.text(max_size=12), min_size=4, max_size=12))
def test_any_texts_can_be_learned_from(texts: list[str]) -> None:
    targets = np.arange(len(texts)) % 2
    chances = tfidf_linear(texts, targets, "category", 2).scores([*texts, "", "neu 新"])
    assert np.isfinite(chances).all()


def test_the_majority_never_reads_the_text() -> None:
    assert majority(np.array([0, 0, 1]), "category", 3) == pytest.approx([2 / 3, 1 / 3, 0])
    assert majority(np.array([[1, 0], [1, 1]]), "categories", 2) == pytest.approx([1.0, 0.5])
    assert majority(np.array([1.0, 3.0]), "number", 1) == pytest.approx([2.0])


def test_banking77_comes_near_what_is_published(shared_data: Path) -> None:
    train = pl.read_csv(shared_data / "support" / "banking77_train.csv")
    test = pl.read_csv(shared_data / "support" / "banking77_test_half.csv")
    labels = sorted(train["category"].unique())
    index = {label: place for place, label in enumerate(labels)}
    few = train.sample(4000, seed=0)
    fitted = tfidf_linear(
        few["text"].to_list(),
        np.array([index[one] for one in few["category"]]),
        "category",
        77,
        validation=(test["text"].to_list()[:300], np.array([index[one] for one in test["category"]])[:300]),
    )
    found = measure(
        fitted.scores(test["text"].to_list()), np.array([index[one] for one in test["category"]]), "category", labels
    )
    assert found["accuracy"] > 0.85  # 0.91 with all 10,003 rows
