"""A risk budget is kept, in as many draws as promised, whatever the confidences are worth; and it buys something."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from homefield.evaluate.intervals import upper_bound
from homefield.evaluate.risk import RiskThreshold, fewest_rows, risk_curve, risk_threshold
from homefield.messages import text

Draw = Callable[[np.random.Generator, int], tuple[NDArray[np.float64], NDArray[np.bool_]]]


def calibrated(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """93 % right, as sure as it says: banking77 in miniature."""
    chance = 1 - random.beta(0.35, 4.5, rows)
    return chance, random.random(rows) < chance


def hopeful(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    chance, right = calibrated(random, rows)
    return chance**0.2, right


def modest(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    chance, right = calibrated(random, rows)
    return chance**5, right


def worthless(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Confidence says nothing; 2.2 % are wrong everywhere."""
    return random.random(rows), random.random(rows) > 0.022


def upside_down(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The surer, the wronger."""
    chance = random.random(rows)
    return chance, random.random(rows) > 0.05 * chance


def coarse(random: np.random.Generator, rows: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Four different confidences: many ties."""
    chance, right = calibrated(random, rows)
    return np.round(chance * 3) / 3, right


@pytest.mark.parametrize("draw", [calibrated, hopeful, modest, worthless, upside_down, coarse])
@pytest.mark.parametrize("rows", [300, 763])
def test_the_promise_is_broken_in_no_more_draws_than_delta(draw: Draw, rows: int) -> None:
    random = np.random.default_rng(7)
    confidence, right = draw(random, 200_000)
    broken = 0
    draws = 300
    for _ in range(draws):
        some = random.integers(0, len(right), rows)
        found = risk_threshold(confidence[some], right[some], risk=0.02)
        automatic = confidence >= found.threshold
        broken += bool(automatic.any() and (~right[automatic]).mean() > 0.02)
    # 300 draws at 5 % exceed 9 % about once in a thousand
    assert broken / draws <= 0.09


def test_it_buys_most_of_what_there_is_to_buy() -> None:
    random = np.random.default_rng(3)
    confidence, right = calibrated(random, 100_000)
    order = np.argsort(-confidence)
    rates = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    best = (np.flatnonzero(rates <= 0.02).max() + 1) / len(order)
    bought = []
    for _ in range(60):
        some = random.integers(0, len(right), 1000)
        bought.append((confidence >= risk_threshold(confidence[some], right[some], risk=0.02).threshold).mean())
    assert np.mean(bought) >= 0.7 * best


def test_hopeful_confidences_still_buy_something() -> None:
    random = np.random.default_rng(4)
    bought = [risk_threshold(*hopeful(random, 1000), risk=0.02).automatic_rate for _ in range(40)]
    assert np.mean(bought) > 0.3


@given(st.integers(0, 10_000), st.integers(0, 400), st.sampled_from([0.02, 0.1, 0.3]))
def test_what_it_says_of_itself_is_true(seed: int, rows: int, risk: float) -> None:
    random = np.random.default_rng(seed)
    confidence, right = calibrated(random, rows)
    confidence = np.round(confidence, 2)
    found = risk_threshold(confidence, right, risk=risk)
    automatic = confidence >= found.threshold
    assert found.rows == rows
    assert found.automatic == automatic.sum()
    assert found.errors == (automatic & ~right).sum()
    if found.reason is None:
        assert found.bound == pytest.approx(upper_bound(found.errors, found.automatic))
        assert found.observed <= found.bound <= risk
    else:
        assert math.isinf(found.threshold)
        assert found.automatic == 0
    assert RiskThreshold.of(found.as_json()).as_json() == found.as_json()


def test_too_few_rows_and_too_many_errors_are_told_apart(language: str) -> None:
    right = np.ones(50, dtype=np.bool_)
    few = risk_threshold(np.linspace(0, 1, 50), right, risk=0.02)
    bad = risk_threshold(np.linspace(0, 1, 500), np.zeros(500, dtype=np.bool_), risk=0.02)
    assert few.reason == "evaluate.risk_rows"
    assert bad.reason == "evaluate.risk_unmet"
    for found in (few, bad):
        assert found.reason is not None
        assert text(found.reason, language)  # type: ignore[arg-type]


@pytest.mark.parametrize("risk", [0.005, 0.02, 0.1])
def test_so_many_rows_without_an_error_are_enough_and_one_fewer_is_not(risk: float) -> None:
    rows = fewest_rows(risk)
    assert risk_threshold(np.ones(rows), np.ones(rows, dtype=np.bool_), risk=risk).automatic == rows
    assert risk_threshold(np.ones(rows - 1), np.ones(rows - 1, dtype=np.bool_), risk=risk).automatic == 0


def test_the_order_of_the_rows_does_not_matter() -> None:
    random = np.random.default_rng(5)
    confidence, right = coarse(random, 800)
    order = random.permutation(800)
    assert risk_threshold(confidence, right, risk=0.1) == risk_threshold(confidence[order], right[order], risk=0.1)


@pytest.mark.parametrize(("risk", "delta"), [(0, 0.05), (1, 0.05), (0.02, 0), (-0.1, 0.05), (0.02, 1.5)])
def test_a_budget_that_is_none_is_refused(risk: float, delta: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        risk_threshold(np.ones(3), np.ones(3, dtype=np.bool_), risk=risk, delta=delta)


def test_arrays_of_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="paired rows"):
        risk_threshold(np.ones(3), np.ones(4, dtype=np.bool_), risk=0.1)


def test_the_curve_ends_with_every_row_and_its_error_rate() -> None:
    confidence, right = calibrated(np.random.default_rng(6), 900)
    curve = risk_curve(confidence, right)
    assert len(curve) <= 200
    assert curve[-1].automatic_rate == 1.0
    assert curve[-1].error_rate == pytest.approx((~right).mean())
    assert all(one.error_rate <= one.bound for one in curve)
    assert [one.automatic_rate for one in curve] == sorted(one.automatic_rate for one in curve)
    assert risk_curve(np.empty(0), np.empty(0, dtype=np.bool_)) == []
