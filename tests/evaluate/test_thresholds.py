"""Thresholds of labels and intervals of numbers: better on rows they were not tuned on, never worse than asked."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.evaluate.answers import answer, correct
from homefield.evaluate.conformal import half_width
from homefield.evaluate.metrics import multilabel
from homefield.evaluate.thresholds import global_threshold, label_thresholds, tune_thresholds


def world(rows: int, shift: tuple[float, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = (random.random((rows, len(shift))) < 0.3).astype(np.float32)
    chances = 1 / (1 + np.exp(-(3 * truth - 1.5 + random.normal(0, 1.2, truth.shape) + np.array(shift))))
    return chances, truth


def test_a_common_shift_is_found() -> None:
    chances, truth = world(3000, (-2.0,) * 4, 0)
    assert global_threshold(chances, truth > 0.5) < 0.3


def test_labels_that_differ_get_thresholds_of_their_own_and_gain_on_new_rows() -> None:
    shift = (-2.5, 0.0, 2.5)
    chances, truth = world(2000, shift, 1)
    tuned = tune_thresholds(chances, truth)
    assert tuned[0] < tuned[1] < tuned[2]
    fresh, real = world(2000, shift, 2)
    with_tuned = multilabel(fresh, real, "abc", tuned)["f1_micro"]
    assert with_tuned > multilabel(fresh, real, "abc")["f1_micro"] + 0.05


def test_a_rare_label_keeps_the_common_threshold() -> None:
    chances, truth = world(400, (0.0, 0.0), 3)
    truth[:, 1] = 0
    truth[:3, 1] = 1
    assert label_thresholds(chances, truth > 0.5)[1] == global_threshold(chances, truth > 0.5)


def test_without_validation_rows_a_label_is_said_from_one_half() -> None:
    assert tune_thresholds(np.empty((0, 3)), np.empty((0, 3))).tolist() == [0.5, 0.5, 0.5]


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(1, 4))
def test_a_few_rows_never_fail(seed: int, rows: int, labels: int) -> None:
    chances, truth = world(rows, (0.0,) * labels, seed)
    tuned = tune_thresholds(chances, truth)
    assert ((tuned > 0) & (tuned < 1)).all()


def test_the_confidence_of_a_set_is_the_product_over_its_labels() -> None:
    found = answer(np.array([[0.9, 0.2, 0.5]]), "categories")
    assert found.predicted.tolist() == [[True, False, True]]
    assert found.confidence[0] == pytest.approx(0.9 * 0.8 * 0.5)
    with_own = answer(np.array([[0.9, 0.2, 0.5]]), "categories", np.array([0.5, 0.1, 0.6]))
    assert with_own.predicted.tolist() == [[True, True, False]]
    assert with_own.confidence[0] == pytest.approx(0.9 * 0.2 * 0.5)


def test_a_set_is_right_only_as_a_whole() -> None:
    said = np.array([[True, False], [True, True]])
    assert correct(said, np.array([[1, 0], [1, 0]]), "categories").tolist() == [True, False]


def test_numbers_answer_with_themselves() -> None:
    found = answer(np.array([[1.5], [2.0]]), "number")
    assert found.predicted.tolist() == [1.5, 2.0]
    assert found.confidence.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("rows", [30, 200])
def test_an_interval_holds_nine_of_ten_new_numbers(rows: int) -> None:
    random = np.random.default_rng(0)
    held = [abs(random.standard_cauchy()) <= half_width(random.standard_cauchy(rows)) for _ in range(2000)]
    assert np.mean(held) >= 0.88


def test_too_few_numbers_give_no_interval() -> None:
    assert math.isinf(half_width(np.ones(8)))
    assert half_width(np.arange(9.0)) == 8.0
