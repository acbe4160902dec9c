from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from homefield.evaluate.beside import fit_grams, fit_shares, matrix_of
from homefield.evaluate.calibration import Output
from homefield.evaluate.grams import Beside, Grams, count_grams

WORDS = ("退货", "发票", "物流", "refund", "invoice", "parcel")


def texts_of(count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of three matters, each in two languages, with some noise."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, count)
    noise = ["please", "我的", "how", "怎么", "now", "呢"]
    rows = [f"{rng.choice(noise)} {WORDS[t + 3 * rng.integers(2)]} {rng.choice(noise)}" for t in targets]
    return rows, targets


def test_features_are_those_of_a_usual_tfidf() -> None:
    texts, targets = texts_of(60)
    grams = fit_grams(texts, targets, "category", 3)
    usual = TfidfVectorizer(analyzer="char", ngram_range=(1, 5), min_df=2, sublinear_tf=True, smooth_idf=True)
    expected = usual.fit_transform([f" {text} " for text in texts])
    found = matrix_of(grams, count_grams(texts))
    assert found.shape == expected.shape
    # The columns stand in another order: what does not depend on it must agree.
    np.testing.assert_allclose((found @ found.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_any_texts_are_counted_and_give_the_same_alone_as_in_company(texts: list[str]) -> None:
    grams = fit_grams(*texts_of(60), "category", 3)
    together = grams.outputs(texts)
    assert together.shape == (len(texts), 3)
    assert np.isfinite(together).all()
    for place, text in enumerate(texts):
        np.testing.assert_array_equal(grams.outputs([text])[0], together[place])


@pytest.mark.parametrize("output", ["category", "categories"])
def test_it_learns_what_the_texts_say(output: Output) -> None:
    texts, targets = texts_of(300)
    truth = targets if output == "category" else np.eye(3, dtype=np.float32)[targets]
    grams = fit_grams(texts[:200], truth[:200], output, 3)
    assert (grams.outputs(texts[200:]).argmax(axis=1) == targets[200:]).mean() > 0.95


def test_a_class_without_rows_is_never_likelier_than_not() -> None:
    texts, targets = texts_of(100)
    outputs = fit_grams(texts, targets, "category", 5).outputs(texts)
    assert (outputs[:, 3:] == -1).all()
    assert set(outputs.argmax(axis=1)) == {0, 1, 2}


def test_two_classes_have_two_opposite_outputs() -> None:
    texts, targets = texts_of(100)
    kept = targets < 2
    chosen = [text for text, keep in zip(texts, kept, strict=True) if keep]
    outputs = fit_grams(chosen, targets[kept], "category", 2).outputs(chosen)
    np.testing.assert_allclose(outputs[:, 0], -outputs[:, 1], atol=2e-2)
    assert (outputs.argmax(axis=1) == targets[kept]).all()


def outputs_of(targets: np.ndarray, signal: float, rng: np.random.Generator) -> np.ndarray:
    """Outputs for three classes: so much for the right one, and noise of their own."""
    return (signal * np.eye(3)[targets] + rng.normal(0, 1, (len(targets), 3))).astype(np.float32)


def test_two_that_err_apart_are_joined_and_better_together() -> None:
    rng = np.random.default_rng(1)
    targets = rng.integers(0, 3, 2_000)
    network, grams = outputs_of(targets, 1.2, rng), outputs_of(targets, 2.0, rng)
    shares = fit_shares(network[:500], grams[:500], targets[:500], "category")
    assert shares is not None
    assert shares.low > 0
    assert shares.grams > shares.network
    both = shares.network * network[500:] + shares.grams * grams[500:]
    assert (both.argmax(1) == targets[500:]).mean() > (grams[500:].argmax(1) == targets[500:]).mean()


@pytest.mark.parametrize("seed", range(5))
def test_n_grams_that_know_nothing_do_not_stand_beside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 3, 400)
    chance = rng.normal(0, 1, (400, 3)).astype(np.float32)
    assert fit_shares(outputs_of(targets, 2.0, rng), chance, targets, "category") is None


@pytest.mark.parametrize("rows", [3, 32, 49])
def test_of_few_rows_both_stand_together_and_are_better_than_either(rows: int) -> None:
    rng = np.random.default_rng(0)
    targets = rng.integers(0, 3, 2_000)
    # Of unlike spread, as logits and margins are.
    network, grams = outputs_of(targets, 1.5, rng), 0.1 * outputs_of(targets, 1.5, rng)
    shares = fit_shares(network[:rows], grams[:rows], targets[:rows], "category")
    assert shares is not None
    assert not shares.proven
    assert shares.rows == rows
    both = shares.network * network + shares.grams * grams
    alone = max((each.argmax(1) == targets).mean() for each in (network, grams))
    assert (both.argmax(1) == targets).mean() > alone


def test_without_rows_a_network_stands_alone() -> None:
    outputs = np.zeros((4, 3), np.float32)
    assert fit_shares(outputs, outputs, np.full(4, -1), "category") is None


def test_what_is_kept_gives_the_same() -> None:
    texts, targets = texts_of(80)
    beside = Beside(fit_grams(texts, targets, "category", 3), np.array([0.5, 2.0], np.float32))
    network = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    again = Beside.of_arrays(beside.arrays())
    assert isinstance(again.grams, Grams)
    np.testing.assert_array_equal(again.join(network, texts), beside.join(network, texts))
    np.testing.assert_allclose(beside.join(network, texts), 0.5 * network + 2 * beside.grams.outputs(texts), rtol=1e-6)
