from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homefield.train.schedule import Shape, factor


@given(
    total=st.integers(1, 500),
    warmup=st.floats(0, 0.9),
    shape=st.sampled_from(["linear", "cosine", "constant"]),
)
def test_rates_stay_between_zero_and_peak_and_rise_then_fall(total: int, warmup: float, shape: Shape) -> None:
    rates = [factor(step, total, warmup=warmup, shape=shape) for step in range(total)]
    assert all(0 <= rate <= 1 for rate in rates)
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert all(a >= b - 1e-12 for a, b in zip(rates[top:], rates[top + 1 :], strict=False))


def test_known_places() -> None:
    assert factor(0, 100, warmup=0.1, shape="linear") == pytest.approx(0.1)
    assert factor(10, 100, warmup=0.1, shape="linear") == 1.0
    assert factor(55, 100, warmup=0.1, shape="linear") == pytest.approx(0.5)
    assert factor(55, 100, warmup=0.1, shape="cosine") == pytest.approx(0.5)
    assert factor(99, 100, warmup=0.1, shape="constant") == 1.0
