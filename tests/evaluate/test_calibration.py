"""Temperature makes confidence mean what it says, and never changes an answer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from homefield.evaluate.calibration import calibration_error, fit_temperature, probabilities, reliability


def honest(rows: int, classes: int, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Logits whose softmax is the truth's own distribution."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (rows, classes))
    chances = probabilities(logits, "category").astype(np.float64)
    chances /= chances.sum(axis=1, keepdims=True)
    targets = (random.random(rows)[:, None] > chances.cumsum(axis=1)).sum(axis=1)
    return logits, np.minimum(targets, classes - 1)


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_a_known_overconfidence(factor: float) -> None:
    logits, targets = honest(8000, 6)
    assert fit_temperature(logits * factor, targets, "category") == pytest.approx(factor, rel=0.06)


@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_the_temperature_undoes_it_for_several_labels(factor: float) -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, (4000, 5))
    targets = (random.random((4000, 5)) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    assert fit_temperature(logits * factor, targets, "categories") == pytest.approx(factor, rel=0.06)


def test_scaling_lowers_the_calibration_error() -> None:
    logits, targets = honest(6000, 6)
    logits = logits * 3

    def error(temperature: float) -> float:
        chances = probabilities(logits[3000:], "category", temperature)
        return calibration_error(chances.max(axis=1), chances.argmax(axis=1) == targets[3000:])

    assert error(1.0) > 0.1
    assert error(fit_temperature(logits[:3000], targets[:3000], "category")) < 0.03


def test_rows_that_are_all_right_do_not_make_the_model_infinitely_sure() -> None:
    logits = np.eye(3)[[0, 1, 2] * 5] * 2.0
    found = fit_temperature(logits, np.array([0, 1, 2] * 5), "category")
    assert 0.1 < found < 1


def test_unknown_labels_and_numbers_and_nothing_at_all_leave_it_alone() -> None:
    logits, targets = honest(500, 4)
    with_unknown = np.concatenate([targets, np.full(50, -1)])
    doubled = np.concatenate([logits, logits[:50]])
    assert fit_temperature(doubled, with_unknown, "category") == fit_temperature(logits, targets, "category")
    assert fit_temperature(logits, targets, "number") == 1.0
    assert fit_temperature(np.empty((0, 3)), np.empty(0), "category") == 1.0
    assert fit_temperature(logits, np.full(500, -1), "category") == 1.0


@given(arrays(np.float32, st.tuples(st.integers(1, 20), st.integers(1, 6)), elements=st.floats(-1e4, 1e4, width=32)))
def test_probabilities_are_probabilities_for_any_outputs(logits: NDArray[np.float32]) -> None:
    rows = probabilities(logits, "category", 0.5)
    assert np.isfinite(rows).all()
    assert rows.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    best = logits.argmax(axis=1)
    assert (rows[np.arange(len(rows)), best] == rows.max(axis=1)).all()
    each = probabilities(logits, "categories", 0.5)
    assert ((each >= 0) & (each <= 1)).all()
    assert (probabilities(logits, "number") == logits).all()


def test_bins_hold_every_row_once_and_nothing_else() -> None:
    random = np.random.default_rng(0)
    confidence = np.append(random.random(500), [0.0, 1.0])
    bins = reliability(confidence, random.random(502) < confidence)
    assert sum(one.rows for one in bins) == 502
    for one in bins:
        assert one.low <= one.confidence <= one.high
        assert one.accuracy_low <= one.accuracy <= one.accuracy_high


def test_the_error_is_the_mean_gap_between_confidence_and_accuracy() -> None:
    confidence = np.array([0.9] * 10 + [0.5] * 10)
    right = np.array([True] * 6 + [False] * 4 + [True] * 5 + [False] * 5)
    assert calibration_error(confidence, right) == pytest.approx((0.3 * 10 + 0.0 * 10) / 20)
