"""Two models on the same rows: a real difference is found, chance is called chance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest

from homefield.evaluate.headline import compare, contributions, f1_macro_interval, headline_interval, statistic
from homefield.evaluate.metrics import auroc, measure
from homefield.evaluate.significance import paired_auc, paired_bootstrap, paired_difference


def test_p_is_mcnemars_exact_test() -> None:
    first = np.array([True] * 40 + [False] * 9 + [True] * 50)
    second = np.array([False] * 15 + [True] * 25 + [True] * 9 + [True] * 50)
    found = paired_difference(first, second)
    assert (found.only_first, found.only_second) == (15, 9)
    assert found.mean == pytest.approx(6 / 99)
    assert found.p == pytest.approx(binomtest(9, 24, 0.5).pvalue)
    assert found.low < found.mean < found.high


def test_equal_models_do_not_differ() -> None:
    right = np.random.default_rng(0).random(100) < 0.9
    found = paired_difference(right, right)
    assert found.mean == 0
    assert found.p == 1.0
    assert found.low < 0 < found.high


def test_the_interval_holds_the_difference_95_times_of_100() -> None:
    random = np.random.default_rng(1)
    held = chance = 0
    for _ in range(400):
        hard = random.random(500)
        first = (hard < 0.92) ^ (random.random(500) < 0.02)
        second = (hard < 0.90) ^ (random.random(500) < 0.02)
        found = paired_difference(first, second)
        held += found.low <= 0.02 * 0.96 <= found.high
        same = paired_difference(random.random(500) < 0.9, random.random(500) < 0.9)
        chance += same.p < 0.05
    assert 0.92 <= held / 400 <= 0.995
    assert chance / 400 <= 0.08


def test_resampling_pairs_agrees_with_the_exact_way() -> None:
    random = np.random.default_rng(2)
    first, second = random.random(800) < 0.93, random.random(800) < 0.90
    exact = paired_difference(first, second)
    drawn = paired_bootstrap(first[:, None].astype(float), second[:, None].astype(float), lambda means: means[:, 0])
    assert drawn.mean == pytest.approx(exact.mean)
    assert drawn.low == pytest.approx(exact.low, abs=0.006)
    assert drawn.high == pytest.approx(exact.high, abs=0.006)


def test_rows_that_are_not_paired_are_refused() -> None:
    with pytest.raises(ValueError, match="paired rows"):
        paired_difference(np.ones(3, dtype=np.bool_), np.ones(4, dtype=np.bool_))
    with pytest.raises(ValueError, match="paired rows"):
        paired_bootstrap(np.ones((3, 1)), np.ones((4, 1)), lambda means: means[:, 0])


@pytest.mark.parametrize("output", ["category", "categories", "number"])
def test_the_headline_is_the_same_from_contributions_as_from_metrics(output: str) -> None:
    random = np.random.default_rng(3)
    truth = {
        "category": random.integers(0, 4, 200),
        "categories": (random.random((200, 4)) < 0.4).astype(np.float32),
        "number": random.normal(50, 3, 200),
    }[output]
    chances = random.random((200, 1 if output == "number" else 4)).astype(np.float32)
    if output == "number":
        chances = chances + truth[:, None]
    name = {"category": "accuracy", "categories": "f1_micro", "number": "r2"}[output]
    rows = contributions(chances, truth, output)  # type: ignore[arg-type]
    value = measure(chances, truth, output, "abcd")[name]  # type: ignore[arg-type]
    assert statistic(output)(rows.mean(axis=0, keepdims=True))[0] == pytest.approx(value)  # type: ignore[arg-type]
    low, high = headline_interval(rows, output)  # type: ignore[arg-type]
    assert low < value < high
    same = compare(rows, rows, output)  # type: ignore[arg-type]
    assert same.mean == 0
    assert json.dumps(same.as_json(), allow_nan=False)


def test_a_model_that_is_always_right_still_has_an_interval() -> None:
    low, high = headline_interval(np.ones((40, 1)), "category")
    assert low < 0.95
    assert high == pytest.approx(1.0)


def test_the_interval_of_macro_f1_holds_its_value() -> None:
    random = np.random.default_rng(4)
    targets = random.integers(0, 20, 1500)
    said = np.where(random.random(1500) < 0.9, targets, random.integers(0, 20, 1500))
    chances = np.eye(20, dtype=np.float32)[said]
    low, high = f1_macro_interval(said, targets, 20)
    assert low < measure(chances, targets, "category", [str(one) for one in range(20)])["f1_macro"] < high
    assert high - low < 0.05


def test_the_interval_of_macro_f1_holds_its_value_with_few_rows_a_class() -> None:
    targets = np.repeat(np.arange(30), 2)
    said = targets.copy()
    said[[0, 7, 21, 40, 58]] = [3, 9, 11, 2, 0]
    chances = np.eye(30, dtype=np.float32)[said]
    low, high = f1_macro_interval(said, targets, 30)
    assert low < measure(chances, targets, "category", [str(one) for one in range(30)])["f1_macro"] < high


def test_the_paired_difference_of_areas_is_that_of_the_areas_and_resamples_pairs() -> None:
    random = np.random.default_rng(0)
    same = random.random(200) < 0.3
    good = np.round(same + random.normal(size=200), 1)  # with ties
    poor = 0.2 * same + random.normal(size=200)
    found = paired_auc(good, poor, same)
    one, other = auroc(good, same), auroc(poor, same)
    assert one is not None
    assert other is not None
    assert found.mean == pytest.approx(one - other)
    assert 0 < found.low < found.mean < found.high
    assert found.p < 0.05
    assert paired_auc(good, good, same).mean == paired_auc(good, good, same).high == 0.0
    assert paired_auc(good, good, np.ones(200, np.bool_)).low == -1.0
    with pytest.raises(ValueError, match="paired rows"):
        paired_auc(good, poor[:3], same)
