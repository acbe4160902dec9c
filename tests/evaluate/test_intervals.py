"""Intervals hold the true value as often as they say, and are quick."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import sparse
from scipy.stats import binomtest

from homefield.evaluate.intervals import bootstrap, lower_bound, upper_bound, wilson


def test_the_interval_of_a_share_holds_it_95_times_of_100() -> None:
    random = np.random.default_rng(0)
    held = 0
    for seed in range(200):
        low, high = bootstrap((random.random(300) < 0.9).astype(float), seed=seed, resamples=400)
        held += low <= 0.9 <= high
    assert 0.90 <= held / 200 <= 0.99


def test_rows_counted_together_give_the_interval_of_rows_counted_apart() -> None:
    values = np.array([0.0] * 30 + [1.0] * 70)
    together = bootstrap(np.array([0.0, 1.0]), counts=np.array([30, 70]), seed=1)
    assert together == bootstrap(values, seed=1)
    table = sparse.csr_array(values[:, None])
    assert bootstrap(table, seed=1, resamples=4000) == pytest.approx(together, abs=0.02)


def test_any_function_of_means_can_be_resampled() -> None:
    random = np.random.default_rng(2)
    error = random.normal(0, 2, 2000)
    low, high = bootstrap(np.square(error), lambda means: np.sqrt(means[:, 0]))
    assert low < 2 < high
    assert high - low < 0.3


def test_the_same_seed_gives_the_same_interval_and_another_another() -> None:
    values = np.random.default_rng(3).random(200)
    assert bootstrap(values, seed=4) == bootstrap(values, seed=4)
    assert bootstrap(values, seed=4) != bootstrap(values, seed=5)


def test_many_different_rows_are_resampled_too() -> None:
    values = np.random.default_rng(4).random(30_000)
    low, high = bootstrap(values, resamples=200)
    assert low < values.mean() < high
    assert high - low == pytest.approx(4 * values.std() / np.sqrt(30_000), rel=0.3)


def test_no_rows_have_no_interval() -> None:
    assert np.isnan(bootstrap(np.empty(0))).all()


def test_a_thousand_resamples_of_a_test_split_take_less_than_a_second() -> None:
    values = np.random.default_rng(5).random(1526)
    began = time.perf_counter()
    bootstrap((values < 0.9).astype(float))
    bootstrap(values)
    assert time.perf_counter() - began < 2  # half a second on an idle machine


@pytest.mark.parametrize(("errors", "rows"), [(0, 10), (3, 50), (50, 50), (7, 1000)])
def test_exact_limits_equal_the_reference(errors: int, rows: int) -> None:
    exact = binomtest(errors, rows).proportion_ci(0.90, method="exact")
    assert upper_bound(errors, rows) == pytest.approx(exact.high)
    assert lower_bound(errors, rows) == pytest.approx(exact.low)
    score = binomtest(errors, rows).proportion_ci(0.95, method="wilson")
    assert wilson(errors, rows) == pytest.approx((score.low, score.high))


def test_wilson_knows_nothing_without_rows() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
