"""What quantising may cost: half a point, and more only where it can be chance."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from homefield.errors import Refused
from homefield.ship.material import Rows
from homefield.ship.parity import check_metric

LABELS = ("a", "b")


def rows(count: int) -> Rows:
    texts = [f"text {number}" for number in range(count)]
    names = [f"records.csv:{number + 2}" for number in range(count)]
    return Rows(pl.DataFrame({"text": texts, "label": ["a"] * count}), np.zeros(count, dtype=np.int64), names, None)


def outputs(count: int, wrong: int) -> NDArray[np.float32]:
    """Outputs of a model that gets the first `wrong` of `count` rows wrong."""
    found = np.tile(np.array([2.0, -2.0], dtype=np.float32), (count, 1))
    found[:wrong] *= -1
    return found


def test_two_rows_lost_of_fifty_can_be_chance() -> None:
    found = check_metric(outputs(52, 0), outputs(52, 2), rows(52), "category", LABELS)
    assert found["drop"] == pytest.approx(2 / 52)
    assert found["p"] == pytest.approx(0.25)


def test_many_rows_lost_of_fifty_are_not_chance() -> None:
    with pytest.raises(Refused) as caught:
        check_metric(outputs(52, 0), outputs(52, 5), rows(52), "category", LABELS)
    assert caught.value.values["row"] == "records.csv:2"
    assert caught.value.values["changed"] == 5


def test_half_a_point_of_many_rows_is_allowed_though_it_is_no_chance() -> None:
    assert check_metric(outputs(10_000, 0), outputs(10_000, 50), rows(10_000), "category", LABELS)["p"] == 1.0


def test_one_point_of_many_rows_is_refused() -> None:
    with pytest.raises(Refused, match=r"allowed: 0\.5"):
        check_metric(outputs(10_000, 0), outputs(10_000, 100), rows(10_000), "category", LABELS)


def test_outputs_that_are_no_numbers_are_refused() -> None:
    broken = outputs(52, 0)
    broken[7, 0] = np.nan
    with pytest.raises(Refused):
        check_metric(outputs(52, 0), broken, rows(52), "category", LABELS)


def test_a_number_that_is_off_in_every_row_is_refused() -> None:
    truth = np.linspace(0, 1, 40, dtype=np.float32)[:, None]
    some = Rows(rows(40).frame, truth, rows(40).names, None)
    with pytest.raises(Refused):
        check_metric(truth, truth + np.float32(0.2), some, "number", ())
